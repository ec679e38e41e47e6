/* SPDX-License-Identifier: Apache-2.0 */
/* max-cpu: what the agent takes is kept below a share of one CPU, by sampling less often. */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "agent/agent_parts.h"
#include "agent/log.h"
#include "base/clock.h"

/* Fewer samples say nothing any more. */
#define HZ_MIN 7

/* Below this part of the budget there is room for more; what is taken for sure stays below it. */
#define ROOMY 0.6

/* It is raised by so much at a time, or a rate that fits would not be found. */
#define RAISED_BY 1.5

static double percent_taken(struct agent *agent)
{
	uint64_t uploader_ns =
		(uint64_t)(uploader_cpu_seconds(agent->uploader) * (double)NS_PER_SECOND);
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = agent_cpu_ns(agent) + uploader_ns;
	uint64_t wall_ns = now_ns - agent->rate_checked_ns;
	uint64_t taken_ns;
	bool is_first = agent->rate_checked_ns == 0;

	/* It may be less for a moment: agent_cpu_ns(). */
	if (cpu_ns < agent->rate_checked_cpu_ns)
		cpu_ns = agent->rate_checked_cpu_ns;
	taken_ns = cpu_ns - agent->rate_checked_cpu_ns;
	agent->rate_checked_ns = now_ns;
	agent->rate_checked_cpu_ns = cpu_ns;
	return is_first || wall_ns == 0 ? -1 : 100.0 * (double)taken_ns / (double)wall_ns;
}

static uint64_t wanted_hz(const struct agent *agent, double percent, uint64_t hz)
{
	double max = agent->config->max_cpu;
	uint64_t asked = agent->config->record.sample_hz;
	double wanted = (double)hz;

	if (percent > max)
		wanted = (double)hz * max / percent;
	else if (percent < max * ROOMY)
		wanted = (double)hz * RAISED_BY;
	if (wanted < HZ_MIN)
		wanted = HZ_MIN;
	return wanted > (double)asked ? asked : (uint64_t)wanted;
}

static bool has_budget(const struct agent *agent)
{
	return agent->config->max_cpu > 0 && agent->config->record.on_cpu;
}

/* One that the kernel does not take ends nothing: samples come as before. */
static bool set_hz(struct agent *agent, uint64_t hz)
{
	int err = sampler_set_hz(agent->recording.pipeline.sampler, hz);

	if (err < 0)
		log_warning("cannot sample at %" PRIu64 " Hz, as max-cpu asks: %s", hz,
			    strerror(-err));
	return !err;
}

void agent_resume_budget(struct agent *agent)
{
	uint64_t hz = agent->budget_hz;

	if (has_budget(agent) && hz && hz < agent->config->record.sample_hz)
		(void)set_hz(agent, hz);
}

void agent_keep_budget(struct agent *agent)
{
	struct sampler *sampler = agent->recording.pipeline.sampler;
	double percent = percent_taken(agent);
	uint64_t hz = sampler_hz(sampler), wanted;

	if (!has_budget(agent))
		agent->budget_hz = 0;
	if (!has_budget(agent) || percent < 0)
		return;
	wanted = wanted_hz(agent, percent, hz);
	if (wanted == hz || !set_hz(agent, wanted))
		return;
	agent->budget_hz = wanted;
	(wanted < hz ? log_warning : log_info)(
		"took %.2f %% of a CPU, of %.2f (max-cpu): samples at %" PRIu64 " Hz from here on",
		percent, agent->config->max_cpu, wanted);
}
