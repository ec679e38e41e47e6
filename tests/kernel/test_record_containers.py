# SPDX-License-Identifier: Apache-2.0
"""Programs that see other files than eprof: containers, images mounted for one process alone."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess

from harness import EPROF, Program, main
from roots import (
    GUEST_HOME,
    UNSHARE,
    FlavorTest,
    add_program,
    build_id_of,
    flavor_path,
    in_root,
    make_guest,
    make_root,
    part_of,
)


class ContainerTest(FlavorTest):
    def make_root(self, flavor):
        return make_root(os.path.join(self.directory, f"root-{flavor}"), flavor)


class Roots(ContainerTest):
    """Mount and pid namespaces, and a root of their own."""

    def test_a_container_is_named_from_outside(self):
        with in_root(self.make_root("red")) as guest:
            self.assertNotEqual(guest.pid, guest.inner_pid)
            result = self.record("-p", guest.pid, "-d", 1.5, "-F", 499)
        self.assert_flavor(result.folded(), "red")

    def test_a_container_that_begins_while_everything_is_recorded(self):
        root = self.make_root("blue")
        eprof = self.start("-a", "-d", 60, "-F", 499)
        eprof.wait_recording()
        with in_root(root) as guest:
            guest.wait_cpu(1)
        eprof.send(signal.SIGINT)
        result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        # Beginning is part of such a life.
        self.assert_flavor(result.folded().of_root("guest"), "blue", least=0.95)

    def test_a_container_is_named_from_inside(self):
        root = self.make_root("red")
        add_program(root, EPROF)
        # What containers have besides, and eprof needs.
        subprocess.run(["mount", "-t", "sysfs", "-o", "ro", "none", root + "/sys"], check=True)
        self.addCleanup(subprocess.run, ["umount", root + "/sys"], check=True)
        os.mknod(root + "/dev/null", 0o666 | stat.S_IFCHR, os.stat("/dev/null").st_rdev)
        with in_root(root) as guest:
            inside = ("nsenter", "--target", str(guest.pid), "--mount", "--pid", "--root")
            subprocess.run([*inside, EPROF, "--help"], check=True, stdout=subprocess.DEVNULL)
            options = ("-p", guest.inner_pid, "-d", 1.5, "-F", 499, "-o", "/out/")
            eprof = self.start(*options, prefix=inside)
            eprof.out = root + "/out"
            result = eprof.finish()
        self.assert_recorded(result)
        self.assert_flavor(result.folded(), "red")

    def test_two_containers_with_different_libraries_at_one_path(self):
        with contextlib.ExitStack() as stack:
            guests = [stack.enter_context(in_root(self.make_root(f))) for f in ("red", "blue")]
            pids = ",".join(str(guest.pid) for guest in guests)
            result = self.record("-p", pids, "--per-thread", "-d", 2, "-F", 499)
        folded = result.folded()
        for guest, flavor in zip(guests, ("red", "blue")):
            self.assert_flavor(part_of(folded, f"guest-{guest.pid}"), flavor)
        paths = [module["path"] for module in result.stats()["modules"]]
        self.assertEqual(paths.count(GUEST_HOME + "/libflavor.so"), 2, paths)

    def test_debug_files_of_a_container_are_its_own(self):
        root = self.make_root("red")
        library = root + GUEST_HOME + "/libflavor.so"
        build_id = build_id_of(library)
        debug = f"{root}/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
        os.makedirs(os.path.dirname(debug))
        subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
        subprocess.run(["strip", library], check=True)
        with in_root(root) as guest:
            result = self.record("-p", guest.pid, "-d", 1.5, "-F", 499)
        self.assert_flavor(result.folded(), "red")
        modules = {module["path"]: module for module in result.stats()["modules"]}
        self.assertEqual(modules[GUEST_HOME + "/libflavor.so"]["symbols"], "build_id")


class Mounts(ContainerTest):
    """File systems that only the program sees."""

    def run_mounted(self, script, *args):
        """The guest in $1, where the script has mounted something."""
        place = os.path.join(self.directory, "place")
        os.mkdir(place)
        script += ' && exec "$1/guest" 60'
        prefix = [*UNSHARE[:4], "sh", "-c", script, "sh", place, *args]
        with Program("guest", prefix=prefix, path="guest") as program:
            self.assertEqual(os.listdir(place), [])
            result = self.record("-p", program.pid, "-d", 1.5, "-F", 499)
        return result.folded()

    def make_layers(self):
        lower, upper, work = (os.path.join(self.directory, n) for n in ("lower", "upper", "work"))
        make_guest(lower, "red")
        for path in (upper, work):
            os.mkdir(path)
        return lower, upper, work

    def mount_overlay(self, layers):
        script = 'mount -t overlay none -o "lowerdir=$2,upperdir=$3,workdir=$4" "$1"'
        # What lies on an overlay itself can often not be a part of another one.
        probe = ["unshare", "-m", "sh", "-c", script, "sh", layers[1], *layers]
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
        if done.returncode:
            self.skipTest(f"no overlay can be mounted: {done.stderr.strip()}")
        return self.run_mounted(script, *layers)

    def test_an_overlay_of_one_layer(self):
        self.assert_flavor(self.mount_overlay(self.make_layers()), "red")

    def test_an_overlay_whose_upper_layer_has_another_library(self):
        layers = self.make_layers()
        shutil.copy(flavor_path("blue"), layers[1])
        self.assert_flavor(self.mount_overlay(layers), "blue")

    def mount_image(self, make):
        """A file system in a file, as an application image is."""
        content, image = (os.path.join(self.directory, n) for n in ("content", "image"))
        make_guest(content, "red")
        if not shutil.which(make[0]):
            self.skipTest(f"{make[0]} is not installed")
        argv = [word.format(content=content, image=image) for word in make]
        subprocess.run(argv, check=True, capture_output=True)
        script = 'mount -o loop,ro "$2" "$1"'
        probe = ["unshare", "-m", "sh", "-c", script, "sh", content, image]
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
        if done.returncode:
            self.skipTest(f"no image can be mounted: {done.stderr.strip()}")
        self.assert_flavor(self.run_mounted(script + ' && rm "$2"', image), "red")

    def test_an_image_of_ext4(self):
        self.mount_image(["mkfs.ext4", "-q", "-d", "{content}", "{image}", "8M"])

    def test_an_image_of_squashfs(self):
        self.mount_image(["mksquashfs", "{content}", "{image}"])


if __name__ == "__main__":
    main(needs_own_mounts=True)
