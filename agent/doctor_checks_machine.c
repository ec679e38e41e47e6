/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>

#include "agent/doctor_checks.h"
#include "agent/limits.h"
#include "agent/options_parts.h"

/* A recording of a large machine with all of its forms has some ten. */
#define FREE_BYTES_MIN (UINT64_C(100) << 20)
#define MIB            20

void check_sample_rate(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const struct doctor_setting *rate = &facts->sample_rate;

	(void)argument;
	if (rate->err) {
		finding_set(ret, FINDING_OK, "no limit is known");
		return;
	}
	finding_set(ret, FINDING_OK, "up to %ld Hz", rate->value);
	if (rate->value >= SAMPLE_HZ_DEFAULT)
		return;
	ret->level = FINDING_WARN;
	finding_advise(ret, "below the default: sysctl kernel.perf_event_max_sample_rate=%d, or -F",
		       SAMPLE_HZ_DEFAULT);
}

void check_pmu(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	switch (-facts->trials.hardware) {
	case 0:
		finding_set(ret, FINDING_OK, "hardware events (-e cycles) open");
		return;
	case EACCES:
	case EPERM:
		finding_set(ret, FINDING_OK, "not known: no event may be opened");
		return;
	case ENOENT:
	case ENODEV:
	case EOPNOTSUPP:
		finding_set(ret, FINDING_NOTE, "none, as in most virtual machines");
		break;
	default:
		finding_set(ret, FINDING_NOTE, "hardware events: %s",
			    strerror(-facts->trials.hardware));
	}
	finding_advise(ret, "stay with cpu-clock, the default of -e");
}

void check_cpus(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (!facts->cpus_online) {
		finding_set(ret, FINDING_FAIL, "which are online cannot be read");
		finding_advise(ret, "mount sysfs at /sys");
	} else if (facts->cpus_online < facts->cpus_present) {
		finding_set(ret, FINDING_NOTE, "%u of %u online", facts->cpus_online,
			    facts->cpus_present);
		finding_advise(ret, "those that come later are not in a recording under way");
	} else {
		finding_set(ret, FINDING_OK, "%u, all online", facts->cpus_online);
	}
}

void check_clock(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	static const char *const slow[] = { "hpet", "acpi_pm", "jiffies", "refined-jiffies" };

	(void)argument;
	if (!facts->clock_source[0]) {
		finding_set(ret, FINDING_OK, "not known");
		return;
	}
	finding_set(ret, FINDING_OK, "%s", facts->clock_source);
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		if (strcmp(facts->clock_source, slow[i]) != 0)
			continue;
		ret->level = FINDING_NOTE;
		finding_advise(ret, "slow to read, or coarse: see dmesg for why it is not tsc");
	}
}

void check_cgroups(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const struct doctor_mounts *mounts = &facts->mounts;

	(void)argument;
	if (mounts->cgroup2[0] && !mounts->has_cgroup_v1) {
		finding_set(ret, FINDING_OK, "v2, at %s", mounts->cgroup2);
		return;
	}
	if (mounts->cgroup2[0]) {
		finding_set(ret, FINDING_NOTE, "v1 and v2 (hybrid), v2 at %s", mounts->cgroup2);
		finding_advise(ret, "-G takes those of v2 only");
		return;
	}
	finding_set(ret, FINDING_NOTE, mounts->has_cgroup_v1 ? "v1 only" : "not mounted");
	finding_advise(ret, "for -G: mount -t cgroup2 cgroup2 /sys/fs/cgroup, or use -p");
}

void check_open_files(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (facts->files_max == RLIM_INFINITY) {
		finding_set(ret, FINDING_OK, "without limit");
		return;
	}
	finding_set(ret, FINDING_OK, "up to %ju", (uintmax_t)facts->files_max);
	if (facts->files_max >= LIMITS_FILES_AHEAD)
		return;
	if (doctor_has_capability(facts, CAP_SYS_RESOURCE)) {
		finding_set(ret, FINDING_OK, "up to %ju, which eprof raises",
			    (uintmax_t)facts->files_max);
		return;
	}
	ret->level = FINDING_WARN;
	finding_advise(ret, "large machines have more binaries: ulimit -Hn %d", LIMITS_FILES_AHEAD);
}

/* Maps are not charged to it on any kernel that eprof runs on; rings of events are. */
void check_locked_memory(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (facts->locked_max == RLIM_INFINITY || doctor_has_capability(facts, CAP_SYS_RESOURCE) ||
	    doctor_has_capability(facts, CAP_IPC_LOCK)) {
		finding_set(ret, FINDING_OK, "without limit, or raised by eprof");
		return;
	}
	finding_set(ret, FINDING_NOTE, "up to %ju KiB, and kernel.perf_event_mlock_kb",
		    (uintmax_t)facts->locked_max >> 10);
	finding_advise(ret, "if events fail: ulimit -Hl unlimited");
}

void check_debuginfod(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (!facts->has_debuginfod) {
		finding_set(ret, FINDING_NOTE, "not found: --debuginfod cannot be used");
		finding_advise(ret, "apt install libdebuginfod1, or "
				    "dnf install elfutils-debuginfod-client");
		return;
	}
	if (facts->servers_err < 0) {
		finding_set(ret, FINDING_NOTE, "there, and no server is known");
		finding_advise(ret, "for --debuginfod set DEBUGINFOD_URLS");
		return;
	}
	finding_set(ret, FINDING_OK, "there, and so are servers to ask");
}

void check_curl(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (facts->has_curl) {
		finding_set(ret, FINDING_OK, "there");
		return;
	}
	finding_set(ret, FINDING_NOTE, "not found: profiles cannot be sent over a network");
	finding_advise(ret, "apt install libcurl4, or dnf install libcurl");
}

void check_output(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const char *directory = facts->directory[0] ? facts->directory : ".";

	(void)argument;
	if (facts->directory_err) {
		finding_set(ret, FINDING_NOTE, "'%s': %s", directory,
			    strerror(-facts->directory_err));
		finding_advise(ret, "write elsewhere: -o DIRECTORY");
		return;
	}
	finding_set(ret, FINDING_OK, "'%s' may be written, %" PRIu64 " MiB free", directory,
		    facts->free_bytes >> MIB);
	if (facts->free_bytes >= FREE_BYTES_MIN)
		return;
	ret->level = FINDING_WARN;
	finding_advise(ret, "make room, or write elsewhere: -o DIRECTORY");
}
