/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flamegraph/utf8.h"

#define ID    "4f8a1c0d9e7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a10"
#define INNER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SHORT "4f8a1c0d9e7b"
#define POD   "8f5c1a5e-2d4b-4c7f-9a31-0e1f2a3b4c5d"
#define POD_  "8f5c1a5e_2d4b_4c7f_9a31_0e1f2a3b4c5d"
#define FILED "7c1f9e0b5d3a48629f1e7d6c5b4a3f2e" /* of a pod that a file describes */
#define UUID  "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

struct path_case {
	const char *path, *name, *unit, *container, *runtime, *pod;
};

/* A name of NULL: none, they go by their commands. */
static const struct path_case units[] = {
	{ "/", NULL, NULL, NULL, NULL, NULL },
	{ "", NULL, NULL, NULL, NULL, NULL },
	{ "/system.slice/nginx.service", "nginx", "nginx.service", NULL, NULL, NULL },
	{ "/system.slice/ssh.socket", "ssh", "ssh.socket", NULL, NULL, NULL },
	{ "/system.slice/dev-hugepages.mount", "dev-hugepages", "dev-hugepages.mount", NULL, NULL,
	  NULL },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1", "getty@tty1.service",
	  NULL, NULL, NULL },
	{ "/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgresql@15-main",
	  "postgresql@15-main.service", NULL, NULL, NULL },
	{ "/system.slice/system-systemd\\x2dfsck.slice/systemd-fsck@dev-disk-by\\x2duuid-1.service",
	  "systemd-fsck@dev-disk-by-uuid-1", "systemd-fsck@dev-disk-by\\x2duuid-1.service", NULL,
	  NULL, NULL },
	{ "/init.scope", "init", "init.scope", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/session-3.scope", "user-1000", "session-3.scope", NULL, NULL,
	  NULL },
	{ "/user.slice/user-0.slice/session-c1.scope", "user-0", "session-c1.scope", NULL, NULL,
	  NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000",
	  "user@1000.service", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/session.slice/pipewire.service",
	  "pipewire", "pipewire.service", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "app-gnome-org.gnome.Terminal-4321.scope",
	  "org.gnome.Terminal", "app-gnome-org.gnome.Terminal-4321.scope", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-my\\x2dtool-99.scope",
	  "my-tool", "app-my\\x2dtool-99.scope", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-kde-firefox@a1b2.service",
	  "firefox", "app-kde-firefox@a1b2.service", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "app-org.gnome.Terminal.slice/vte-spawn-" UUID ".scope",
	  "vte-spawn", "vte-spawn-" UUID ".scope", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.firefox.firefox-" UUID
	  ".scope",
	  "snap.firefox.firefox", "snap.firefox.firefox-" UUID ".scope", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "dbus-:1.2-org.freedesktop.portal@0.service",
	  "org.freedesktop.portal", "dbus-:1.2-org.freedesktop.portal@0.service", NULL, NULL,
	  NULL },
	/* Made for one command. */
	{ "/system.slice/run-u12.service", NULL, NULL, NULL, NULL, NULL },
	{ "/system.slice/run-p4711-i99.scope", NULL, NULL, NULL, NULL, NULL },
	{ "/system.slice/run-r5d3a48629f1e7d6c5b4a3f2e7c1f9e0b.scope", NULL, NULL, NULL, NULL,
	  NULL },
	{ "/system.slice/run-parts.service", "run-parts", "run-parts.service", NULL, NULL, NULL },
	/* What a service makes below itself is the service. */
	{ "/system.slice/systemd-udevd.service/udev", "systemd-udevd", "systemd-udevd.service",
	  NULL, NULL, NULL },
	{ "/system.slice/system-foo.slice/foo@1.service/workers/7", "foo@1", "foo@1.service", NULL,
	  NULL, NULL },
	{ "/system.slice/batch.service/system.slice/job.service", "job", "job.service", NULL, NULL,
	  NULL },
	{ "/machine.slice/systemd-nspawn@deb.service/payload", "systemd-nspawn@deb",
	  "systemd-nspawn@deb.service", NULL, NULL, NULL },
	{ "/machine.slice/machine-qemu\\x2d3\\x2dweb\\x2d01.scope/libvirt/emulator", "qemu-web-01",
	  "machine-qemu\\x2d3\\x2dweb\\x2d01.scope", NULL, NULL, NULL },
	{ "/machine.slice/machine-deb.scope", "deb", "machine-deb.scope", NULL, NULL, NULL },
	/* Nobody's. */
	{ "/user.slice/user-1000.slice", "user-1000", NULL, NULL, NULL, NULL },
	{ "/batch.slice/queue/7", "batch-queue-7", NULL, NULL, NULL, NULL },
	{ "/slurm/uid_1000/job_42/step_0", "slurm-uid_1000-job_42-step_0", NULL, NULL, NULL, NULL },
	{ "/../../system.slice/cron.service", "cron", "cron.service", NULL, NULL, NULL },
	{ "/.service", "_service", NULL, NULL, NULL, NULL },
};

static const struct path_case containers[] = {
	{ "/system.slice/docker-" ID ".scope", "docker-" SHORT, NULL, ID, "docker", NULL },
	{ "/docker/" ID, "docker-" SHORT, NULL, ID, "docker", NULL },
	{ "/docker/" ID "/docker/" INNER, "docker-001122334455", NULL, INNER, "docker", NULL },
	{ "/docker/" ID "/system.slice/nginx.service", "docker-" SHORT, NULL, ID, "docker", NULL },
	{ "/mine.slice/" ID, "container-" SHORT, NULL, ID, NULL, NULL },
	{ "/k8s.io/" ID, "containerd-" SHORT, NULL, ID, "containerd", NULL },
	{ "/system.slice/nerdctl-" ID ".scope", "containerd-" SHORT, NULL, ID, "containerd", NULL },
	{ "/machine.slice/libpod-" ID ".scope/container", "podman-" SHORT, NULL, ID, "podman",
	  NULL },
	{ "/libpod_parent/libpod-" ID, "podman-" SHORT, NULL, ID, "podman", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	  "podman-" SHORT, NULL, ID, "podman", NULL },
	{ "/machine.slice/libpod-conmon-" ID ".scope", NULL, NULL, NULL, NULL, NULL },
	{ "/system.slice/web.service/libpod-payload-" ID, "web", "web.service", ID, "podman",
	  NULL },
	{ "/system.slice/crio-" ID ".scope", "cri-o-" SHORT, NULL, ID, "cri-o", NULL },
	{ "/lxc.payload.web/system.slice/nginx.service", "lxc-web", NULL, "web", "lxc", NULL },
	{ "/lxc.payload/web", "lxc-web", NULL, "web", "lxc", NULL },
	{ "/lxc/101/ns/init.scope", "lxc-101", NULL, "101", "lxc", NULL },
	{ "/lxc.monitor.web", NULL, NULL, NULL, NULL, NULL },
	/* No ids. */
	{ "/system.slice/docker-registry.service", "docker-registry", "docker-registry.service",
	  NULL, NULL, NULL },
	{ "/system.slice/docker-4f8a.scope", "docker-4f8a", "docker-4f8a.scope", NULL, NULL, NULL },
};

static const struct path_case pods[] = {
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_
	  ".slice/cri-containerd-" ID ".scope",
	  "pod-" POD, NULL, ID, "containerd", POD },
	{ "/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" ID ".scope/container", "pod-" POD,
	  NULL, ID, "cri-o", POD },
	{ "/kubepods.slice/kubepods-pod" POD_ ".slice/docker-" ID ".scope", "pod-" POD, NULL, ID,
	  "docker", POD },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_ ".slice",
	  "pod-" POD, NULL, NULL, NULL, POD },
	{ "/kubepods/burstable/pod" POD "/" ID, "pod-" POD, NULL, ID, NULL, POD },
	{ "/kubepods/pod" POD "/crio-" ID, "pod-" POD, NULL, ID, "cri-o", POD },
	{ "/kubepods/besteffort/pod" FILED "/" ID, "pod-" FILED, NULL, ID, NULL, FILED },
	{ "/docker/" INNER "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	  "kubelet-kubepods-burstable-pod" POD_ ".slice/cri-containerd-" ID ".scope",
	  "pod-" POD, NULL, ID, "containerd", POD },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" POD_
	  ".slice:cri-containerd:" ID,
	  "pod-" POD, NULL, ID, "containerd", POD },
	{ "/kubepods.slice/kubepods-pod" POD_ ".slice/cri-containerd-" ID ".scope/system.slice/"
	  "x.service",
	  "pod-" POD, NULL, ID, "containerd", POD },
	/* Not a pod. */
	{ "/podman.slice/podinfo.service", "podinfo", "podinfo.service", NULL, NULL, NULL },
	{ "/kubepods.slice/kubepods-podfoo.slice/a.service", "a", "a.service", NULL, NULL, NULL },
};

static void check_text(const char *found, const char *expected, const char *path)
{
	if (strcmp(found, expected ? expected : "") != 0)
		fail_msg("'%s': '%s' instead of '%s'", path, found, expected ? expected : "");
}

static void check_paths(const struct path_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct path_case *expected = &cases[i];
		struct service_name found = { .container_runtime = NULL };
		bool is_found = service_name_of_path(expected->path, &found);

		check_text(is_found ? found.name : "", expected->name, expected->path);
		if (!is_found)
			continue;
		check_text(found.unit, expected->unit, expected->path);
		check_text(found.container_id, expected->container, expected->path);
		check_text(found.container_runtime ? found.container_runtime : "",
			   expected->runtime, expected->path);
		check_text(found.pod_uid, expected->pod, expected->path);
	}
}

static void units_are_known_by_their_names(void **state)
{
	(void)state;
	check_paths(units, sizeof(units) / sizeof(units[0]));
}

static void containers_are_known_by_runtime_and_id(void **state)
{
	(void)state;
	check_paths(containers, sizeof(containers) / sizeof(containers[0]));
}

static void pods_are_known_by_their_uid(void **state)
{
	(void)state;
	check_paths(pods, sizeof(pods) / sizeof(pods[0]));
}

static void check_process(const char *text, const char *expected)
{
	struct service_name found;
	bool is_found = service_name_of_process(text, &found);

	check_text(is_found ? found.name : "", expected, text);
}

static void of_several_hierarchies_the_one_that_knows_most_counts(void **state)
{
	(void)state;
	check_process("0::/system.slice/nginx.service\n", "nginx");
	check_process("12:memory:/system.slice\n2:cpu,cpuacct:/system.slice\n"
		      "1:name=systemd:/system.slice/nginx.service\n0::/\n",
		      "nginx");
	check_process("11:pids:/docker/" ID "\n1:name=systemd:/docker/" ID
		      "\n0::/system.slice/containerd.service\n",
		      "docker-" SHORT);
	check_process("4:memory:/kubepods/burstable/pod" POD "/" ID "\n"
		      "1:name=systemd:/system.slice/kubelet.service\n",
		      "pod-" POD);
	check_process("2:cpu:/\n1:name=systemd:/\n0::/\n", NULL);
	check_process("0::/system.slice/a:b.service (deleted)\n", "a:b");
	check_process("", NULL);
	check_process("\n\n:\n::\n1:cpu\n", NULL);
	check_process("0::/system.slice/cut", "system-cut");
}

static void check_clean(const char *name)
{
	size_t length = strlen(name);

	assert_true(length > 0 && length < SERVICE_NAME_SIZE);
	assert_true(utf8_is_valid(name, length));
	assert_true(name[0] != '.' && !strchr(name, '/'));
	for (size_t i = 0; i < length; i++)
		assert_true((unsigned char)name[i] >= 0x20 && name[i] != 0x7f);
}

static void hostile_names_become_clean_ones(void **state)
{
	static const char *const hostile[] = {
		"/system.slice/a\nb\rc\t\x1b[31m.service",
		"/system.slice/\\x0a\\x2f..\\x2f..\\x2fetc\\x00.service",
		"/system.slice/\xff\xfe\xc0\x80\xed\xa0\x80.service",
		"/\xe2\x80\xa8/\xc2\x85",
		"/...........service",
		"/../..",
		"/\\x",
		"/\\x2",
		"/\\x2e\\x2e",
		"/app-.scope/app-@.service/app--.scope/machine-.scope/dbus-:.service/run-.scope",
		"/machine-\\x2d1\\x2d.scope",
		"/user.slice/session-.scope",
		"/lxc.payload./..x/lxc/\n",
	};
	struct service_name found;
	char *path = malloc(65536);

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		if (service_name_of_path(hostile[i], &found))
			check_clean(found.name);
	}
	assert_true(service_name_of_path(hostile[0], &found));
	assert_string_equal(found.name, "a?b?c??[31m");
	assert_true(service_name_of_path(hostile[1], &found));
	assert_string_equal(found.name, "?_.._.._etc?");
	/* Long, in one directory and in many. */
	assert_non_null(path);
	for (size_t length = 1; length < 65535; length = 3 * length + 7) {
		memset(path, 'x', length);
		memset(path + length, '\0', 1);
		assert_true(service_name_of_path(path, &found));
		check_clean(found.name);
		for (size_t i = 0; i < length; i += 2)
			path[i] = '/';
		(void)service_name_of_path(path, &found);
		memset(path, '\xe4', length);
		assert_true(service_name_of_path(path, &found));
		check_clean(found.name);
	}
	free(path);
}

static void commands_are_names_without_their_number(void **state)
{
	struct service_name name;

	(void)state;
	service_name_of_command("redis-server", &name);
	assert_string_equal(name.name, "redis-server");
	service_name_of_command("kworker/0:1H-kblo", &name);
	assert_string_equal(name.name, "kworker");
	service_name_of_command("/bin/x", &name);
	assert_string_equal(name.name, "_bin_x");
	service_name_of_command("", &name);
	assert_string_equal(name.name, "unnamed");
	service_name_of_command("..", &name);
	assert_string_equal(name.name, "_.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_known_by_their_names),
		cmocka_unit_test(containers_are_known_by_runtime_and_id),
		cmocka_unit_test(pods_are_known_by_their_uid),
		cmocka_unit_test(of_several_hierarchies_the_one_that_knows_most_counts),
		cmocka_unit_test(hostile_names_become_clean_ones),
		cmocka_unit_test(commands_are_names_without_their_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
