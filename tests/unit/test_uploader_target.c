/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/hear.h"
#include "tests/unit/uploader_fakes.h"

#define NS_PER_MS UINT64_C(1000000)
#define LONG_NS   (100000 * NS_PER_SECOND) /* never, in a test */
#define TARGETS   2

static const char *const urls[TARGETS] = { "fake://one", "fake://two" };

struct rig {
	struct fake_spool spool;
	struct uploader_gate gate;
	struct uploader_timing timing;
	struct uploader_shared *shared;
	int shared_fd;
	struct upload_config configs[TARGETS];
	struct uploader_target targets[TARGETS];
	pthread_t threads[TARGETS];
	bool runs[TARGETS];
};

static void set_up(struct rig *rig)
{
	*rig = (struct rig){ .shared_fd = -1 };
	rig->timing = (struct uploader_timing){
		.backoff = { .first_ns = NS_PER_MS,
			     .most_ns = 4 * NS_PER_MS,
			     .retry_after_most_ns = LONG_NS },
		.look_ns = LONG_NS,
	};
	fake_spool_make(&rig->spool);
	assert_int_equal(uploader_gate_init(&rig->gate), 0);
	assert_int_equal(uploader_shared_new(&rig->shared_fd, &rig->shared), 0);
	rig->configs[0] = (struct upload_config){ .name = "one", .url = (char *)urls[0] };
	rig->configs[1] = (struct upload_config){ .name = "two", .url = (char *)urls[1] };
	for (size_t i = 0; i < TARGETS; i++)
		rig->targets[i] = (struct uploader_target){ .config = &rig->configs[i],
							    .spool_dir = rig->spool.dir,
							    .timing = &rig->timing,
							    .gate = &rig->gate,
							    .slot = &rig->shared->slots[i] };
}

static void *run_target(void *context)
{
	uploader_target_run(context);
	return NULL;
}

static void start(struct rig *rig, size_t i)
{
	assert_int_equal(pthread_create(&rig->threads[i], NULL, run_target, &rig->targets[i]), 0);
	rig->runs[i] = true;
}

static void join(struct rig *rig)
{
	for (size_t i = 0; i < TARGETS; i++) {
		if (rig->runs[i])
			assert_int_equal(pthread_join(rig->threads[i], NULL), 0);
		rig->runs[i] = false;
	}
}

static void tear_down(struct rig *rig)
{
	uploader_gate_cut(&rig->gate);
	join(rig);
	uploader_gate_destroy(&rig->gate);
	uploader_shared_unmap(rig->shared);
	(void)close(rig->shared_fd);
	fake_spool_remove(&rig->spool);
}

static void make_dead(const struct rig *rig)
{
	char path[FAKE_PATH_SIZE];

	fake_path(rig->spool.dir, "dead", urls[0], path);
}

static void assert_next(const struct rig *rig, const char *event)
{
	char text[FAKE_EVENT_SIZE];

	assert_string_equal(fake_event(&rig->spool, text), event);
}

/* After all that has been told. */
static void assert_nothing_more(const struct rig *rig)
{
	char path[FAKE_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/events", rig->spool.dir);
	{
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, "end\n", 4), 4);
		(void)close(fd);
	}
	assert_next(rig, "end");
}

static struct uploader_figures figures_of(const struct rig *rig, size_t i)
{
	struct uploader_figures figures;

	assert_true(uploader_slot_read(&rig->shared->slots[i], &figures));
	return figures;
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void the_order_is_kept_whatever_fails(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, urls[0], "3");
	fake_put(&rig.spool, urls[0], "1");
	fake_script(&rig.spool, "one", "later 0 busy\nlater 0 busy\nsent\nlater 0 busy\n");
	fake_put(&rig.spool, urls[0], "2");
	hear();
	start(&rig, 0);
	assert_next(&rig, "one 1 later 0 busy");
	assert_next(&rig, "one 1 later 0 busy");
	assert_next(&rig, "one 1 sent");
	assert_next(&rig, "one 2 later 0 busy");
	assert_next(&rig, "one 2 sent");
	assert_next(&rig, "one 3 sent");
	uploader_gate_end(&rig.gate, true);
	join(&rig);
	(void)heard();
	assert_nothing_more(&rig);
	assert_int_equal(fake_count(&rig.spool, "queue", urls[0]), 0);
	tear_down(&rig);
}

static void figures_count_on_and_say_how_it_went(void **state)
{
	struct uploader_figures figures = { .sent = 41, .next_try_unix_s = 7 };
	uint64_t in_buckets = 0;
	struct rig rig;

	(void)state;
	set_up(&rig);
	make_dead(&rig);
	uploader_slot_publish(&rig.shared->slots[0], &figures);
	fake_put(&rig.spool, urls[0], "1");
	fake_put(&rig.spool, urls[0], "2");
	fake_script(&rig.spool, "one", "later 0 busy\nsent\nrefused no\n");
	fake_put(&rig.spool, urls[0], "3");
	hear();
	uploader_gate_end(&rig.gate, true);
	start(&rig, 0);
	join(&rig);
	(void)heard();
	figures = figures_of(&rig, 0);
	assert_int_equal(figures.sent, 43);
	assert_int_equal(figures.sent_bytes, 2 * strlen("profile"));
	assert_int_equal(figures.retried, 1);
	assert_int_equal(figures.parked, 1);
	assert_int_equal(figures.last_status, 200);
	assert_int_equal(figures.next_try_unix_s, 0);
	assert_true(figures.last_sent_unix_s > 0);
	assert_true(figures.latency_ns > 0);
	assert_string_equal(figures.last_error, "");
	for (size_t i = 0; i <= UPLOADER_BUCKETS; i++)
		in_buckets += figures.latency_buckets[i];
	assert_int_equal(in_buckets, 2);
	tear_down(&rig);
}

static void what_is_refused_is_parked_with_the_text(void **state)
{
	char path[FAKE_PATH_SIZE], text[64] = "", file_name[FAKE_PATH_SIZE + 8];
	struct rig rig;
	FILE *file;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, urls[0], "1");
	fake_put(&rig.spool, urls[0], "2");
	fake_path(rig.spool.dir, "dead", urls[0], path);
	fake_script(&rig.spool, "one", "refused SignatureDoesNotMatch\nsent\n");
	hear();
	start(&rig, 0);
	assert_next(&rig, "one 1 refused SignatureDoesNotMatch");
	assert_next(&rig, "one 2 sent");
	uploader_gate_end(&rig.gate, true);
	join(&rig);
	assert_non_null(strstr(heard(), "'one' refused '1': SignatureDoesNotMatch"));
	assert_int_equal(fake_count(&rig.spool, "queue", urls[0]), 0);
	assert_int_equal(fake_count(&rig.spool, "dead", urls[0]), 2);
	(void)snprintf(file_name, sizeof(file_name), "%s/1.txt", path);
	file = fopen(file_name, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	assert_string_equal(text, "SignatureDoesNotMatch");
	tear_down(&rig);
}

static void a_dead_target_holds_up_nobody(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_script(&rig.spool, "one", "hang\n");
	fake_put(&rig.spool, urls[0], "1");
	start(&rig, 0);
	assert_next(&rig, "one 1 hang");
	fake_put(&rig.spool, urls[1], "1");
	fake_put(&rig.spool, urls[1], "2");
	start(&rig, 1);
	assert_next(&rig, "two 1 sent");
	assert_next(&rig, "two 2 sent");
	uploader_gate_cut(&rig.gate);
	join(&rig);
	assert_int_equal(fake_count(&rig.spool, "queue", urls[0]), 1);
	assert_int_equal(fake_count(&rig.spool, "queue", urls[1]), 0);
	/* To be told to stop is no failure of the target's. */
	assert_int_equal(figures_of(&rig, 0).retried, 0);
	tear_down(&rig);
}

static void a_file_that_is_told_of_is_sent(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 0);
	for (int i = 0; i < 3; i++) {
		fake_put(&rig.spool, urls[0], "1");
		uploader_gate_wake(&rig.gate);
		assert_next(&rig, "one 1 sent");
		/* It goes after it was sent; the next one has its name. */
		while (fake_count(&rig.spool, "queue", urls[0]))
			(void)usleep(1000);
	}
	tear_down(&rig);
}

static void a_file_that_nobody_told_of_is_found(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	rig.timing.look_ns = NS_PER_MS;
	start(&rig, 0);
	fake_put(&rig.spool, urls[0], "1");
	assert_next(&rig, "one 1 sent");
	tear_down(&rig);
}

static void what_a_target_asks_for_is_waited(void **state)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	struct rig rig;

	(void)state;
	set_up(&rig);
	rig.timing.backoff.retry_after_most_ns = 300 * NS_PER_MS;
	fake_script(&rig.spool, "one", "later 3600 slow down\n");
	fake_put(&rig.spool, urls[0], "1");
	hear();
	start(&rig, 0);
	assert_next(&rig, "one 1 later 3600 slow down");
	uploader_gate_wake(&rig.gate);
	assert_next(&rig, "one 1 sent");
	assert_true(clock_ns(CLOCK_MONOTONIC) - begin >= 300 * NS_PER_MS);
	tear_down(&rig);
	(void)heard();
}

static void the_end_does_not_wait_for_a_target_that_asked_for_time(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_script(&rig.spool, "one", "later 3600 slow down\n");
	fake_put(&rig.spool, urls[0], "1");
	hear();
	start(&rig, 0);
	assert_next(&rig, "one 1 later 3600 slow down");
	uploader_gate_end(&rig.gate, true);
	join(&rig);
	(void)heard();
	assert_nothing_more(&rig);
	assert_int_equal(fake_count(&rig.spool, "queue", urls[0]), 1);
	assert_int_equal(figures_of(&rig, 0).retried, 1);
	tear_down(&rig);
}

static void a_drain_sends_what_is_there(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, urls[0], "1");
	fake_put(&rig.spool, urls[0], "2");
	uploader_gate_end(&rig.gate, true);
	start(&rig, 0);
	join(&rig);
	assert_int_equal(figures_of(&rig, 0).sent, 2);
	tear_down(&rig);
}

static void a_drain_leaves_a_target_that_fails_twice(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_script(&rig.spool, "one", "later 0 a\nlater 0 b\nlater 0 c\n");
	fake_put(&rig.spool, urls[0], "1");
	hear();
	uploader_gate_end(&rig.gate, true);
	start(&rig, 0);
	join(&rig);
	(void)heard();
	assert_next(&rig, "one 1 later 0 a");
	assert_next(&rig, "one 1 later 0 b");
	assert_nothing_more(&rig);
	assert_string_equal(figures_of(&rig, 0).last_error, "b");
	tear_down(&rig);
}

static void an_end_without_a_drain_begins_nothing(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, urls[0], "1");
	uploader_gate_end(&rig.gate, false);
	start(&rig, 0);
	join(&rig);
	assert_nothing_more(&rig);
	tear_down(&rig);
}

static void a_failure_is_one_line_and_its_end_another(void **state)
{
	const char *text;
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, urls[0], "1");
	fake_put(&rig.spool, urls[0], "2");
	fake_script(&rig.spool, "one",
		    "later 0 busy\nlater 0 busy\nlater 0 reset\nlater 0 busy\nsent\n");
	hear();
	start(&rig, 0);
	for (int i = 0; i < 6; i++) {
		char event[FAKE_EVENT_SIZE];

		(void)fake_event(&rig.spool, event);
	}
	uploader_gate_end(&rig.gate, true);
	join(&rig);
	text = heard();
	assert_int_equal(count_of(text, "\n"), 2);
	assert_non_null(strstr(text, "cannot upload to 'one': busy; retrying\n"));
	assert_non_null(strstr(text, "uploads to 'one' are answered again; 1 files wait\n"));
	tear_down(&rig);
}

static void many_refusals_are_one_line(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (char name[2] = "1"; name[0] <= '5'; name[0]++)
		fake_put(&rig.spool, urls[0], name);
	make_dead(&rig);
	fake_script(&rig.spool, "one", "refused a\nrefused b\nsent\nrefused c\nrefused d\n");
	hear();
	uploader_gate_end(&rig.gate, true);
	start(&rig, 0);
	join(&rig);
	assert_int_equal(count_of(heard(), "\n"), 1);
	assert_int_equal(figures_of(&rig, 0).parked, 4);
	tear_down(&rig);
}

static void a_spool_that_cannot_change_is_no_reason_to_send_without_end(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, urls[0], "1");
	/* There is no directory to park it in. */
	fake_script(&rig.spool, "one", "refused a\nrefused a\nrefused a\n");
	hear();
	uploader_gate_end(&rig.gate, true);
	start(&rig, 0);
	join(&rig);
	assert_non_null(strstr(heard(), "does not go from the spool: No such file"));
	assert_int_equal(figures_of(&rig, 0).retried, 2);
	assert_int_equal(figures_of(&rig, 0).parked, 0);
	tear_down(&rig);
}

static void a_long_text_is_cut_between_characters(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fake_script(&rig.spool, "one", "long\n");
	fake_put(&rig.spool, urls[0], "1");
	hear();
	start(&rig, 0);
	assert_next(&rig, "one 1 long");
	uploader_gate_end(&rig.gate, false);
	join(&rig);
	(void)heard();
	/* Of 255 bytes that there is room for. */
	assert_int_equal(strlen(figures_of(&rig, 0).last_error), 254);
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_kept_whatever_fails),
		cmocka_unit_test(figures_count_on_and_say_how_it_went),
		cmocka_unit_test(what_is_refused_is_parked_with_the_text),
		cmocka_unit_test(a_dead_target_holds_up_nobody),
		cmocka_unit_test(a_file_that_is_told_of_is_sent),
		cmocka_unit_test(a_file_that_nobody_told_of_is_found),
		cmocka_unit_test(what_a_target_asks_for_is_waited),
		cmocka_unit_test(the_end_does_not_wait_for_a_target_that_asked_for_time),
		cmocka_unit_test(a_drain_sends_what_is_there),
		cmocka_unit_test(a_drain_leaves_a_target_that_fails_twice),
		cmocka_unit_test(an_end_without_a_drain_begins_nothing),
		cmocka_unit_test(a_failure_is_one_line_and_its_end_another),
		cmocka_unit_test(many_refusals_are_one_line),
		cmocka_unit_test(a_spool_that_cannot_change_is_no_reason_to_send_without_end),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
