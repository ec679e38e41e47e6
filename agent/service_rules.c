/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service_rules.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define GROUPS_MAX 10 /* all of it, and \1 to \9 */

struct service_rules {
	const struct agent_config *config;
	size_t compiled; /* so many of them are */
	regex_t patterns[AGENT_RULES_MAX];
};

static void cleanup_rules(struct service_rules **rules)
{
	service_rules_free(*rules);
}

int service_rules_new(const struct agent_config *config, struct service_rules **ret)
{
	CLEANUP(cleanup_rules) struct service_rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	rules->config = config;
	for (size_t i = 0; i < config->rule_count; i++) {
		int code = regcomp(&rules->patterns[i], config->rules[i].pattern, REG_EXTENDED);

		if (code)
			return code == REG_ESPACE ? -ENOMEM : -EINVAL;
		rules->compiled++;
	}
	*ret = TAKE(rules);
	return 0;
}

void service_rules_free(struct service_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->compiled; i++)
		regfree(&rules->patterns[i]);
	free(rules);
}

static bool stays(const struct service_rules *rules, const char *name)
{
	bool has_include = false;

	for (size_t i = 0; i < rules->compiled; i++) {
		enum service_rule_kind kind = rules->config->rules[i].kind;

		if (kind == SERVICE_RENAME)
			continue;
		has_include = has_include || kind == SERVICE_INCLUDE;
		if (!regexec(&rules->patterns[i], name, 0, NULL, 0))
			return kind == SERVICE_INCLUDE;
	}
	return !has_include;
}

/* Cut where there is no room for more. */
static void append(char ret[SERVICE_NAME_SIZE], size_t *used, const char *text, size_t length)
{
	if (length > SERVICE_NAME_SIZE - 1 - *used)
		length = SERVICE_NAME_SIZE - 1 - *used;
	memcpy(ret + *used, text, length);
	*used += length;
	ret[*used] = '\0';
}

/* "\\" is a backslash; before anything else it stands for itself. */
static void expand(const char *form, const char *name, const regmatch_t groups[GROUPS_MAX],
		   char ret[SERVICE_NAME_SIZE])
{
	size_t used = 0;

	ret[0] = '\0';
	for (; *form; form++) {
		const regmatch_t *group = NULL;

		if (form[0] == '\\' && form[1] >= '1' && form[1] <= '9')
			group = &groups[*++form - '0'];
		else if (form[0] == '\\' && form[1] == '\\')
			form++;
		if (!group)
			append(ret, &used, form, 1);
		else if (group->rm_so >= 0)
			append(ret, &used, name + group->rm_so,
			       (size_t)(group->rm_eo - group->rm_so));
	}
}

bool service_rules_apply(const struct service_rules *rules, char name[SERVICE_NAME_SIZE])
{
	regmatch_t groups[GROUPS_MAX];
	char renamed[SERVICE_NAME_SIZE];

	if (!stays(rules, name))
		return false;
	for (size_t i = 0; i < rules->compiled; i++) {
		const struct service_rule *rule = &rules->config->rules[i];

		if (rule->kind != SERVICE_RENAME ||
		    regexec(&rules->patterns[i], name, GROUPS_MAX, groups, 0))
			continue;
		expand(rule->name, name, groups, renamed);
		if (renamed[0])
			service_name_clean(renamed, name);
		break;
	}
	return true;
}
