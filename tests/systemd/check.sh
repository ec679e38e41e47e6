#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The life of eprof-agent.service under systemd, as its first process has it. Each step is a line:
# ok, or FAIL with what there was. To be run as root in a machine that is there for nothing else.
set -u

UNIT=eprof-agent.service
PROFILES=/srv/profiles
METRICS=/var/lib/prometheus/node-exporter/eprof.prom
WINDOW_SECONDS=5
WAIT_SECONDS=240
passed=0
failed=0

ok() {
	echo "ok   $*"
	passed=$((passed + 1))
}

wrong() {
	echo "FAIL $*"
	failed=$((failed + 1))
}

# WHAT COMMAND...: within the time that an emulated machine needs, the command succeeds.
soon() {
	local what=$1 deadline=$((SECONDS + WAIT_SECONDS))
	shift
	until "$@"; do
		if ((SECONDS > deadline)); then
			wrong "$what: $*"
			journalctl -u "$UNIT" -n 8 --no-pager -o cat
			return 1
		fi
		sleep 0.2
	done
	ok "$what"
}

# WHAT ACTUAL EXPECTED
same() {
	if [[ $2 == "$3" ]]; then
		ok "$1: $2"
	else
		wrong "$1: '$2', not '$3'"
	fi
}

property() { systemctl show --value -p "$1" "$UNIT"; }
main_pid() { property MainPID; }
is_property() { [[ $(property "$1") == "$2" ]]; }
is_not_pid() { [[ $(main_pid) != 0 && $(main_pid) != "$1" ]]; }
status_field() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"; }
has_logged() { journalctl -u "$UNIT" --no-pager -o cat | grep -q -- "$1"; }
now() { date -u +%Y%m%dT%H%M%S.%6NZ; }
# KIND MOMENT: how many windows that began later have arrived.
windows_since() {
	find "$PROFILES" -name "*-$1.svg" -size +0 2>/dev/null | grep -oE '[0-9]{8}T[0-9.]+Z' | sort -u |
		awk -v moment="$2" '$0 > moment' | wc -l
}
has_windows() { (($(windows_since "$1" "$2") >= $3)); }
has_status() { eprof agent --status >/dev/null 2>&1; }

configure() {
	cat >/etc/eprof/agent.conf <<-END
		[agent]
		window = $1
		metrics-file = $METRICS

		[upload disk]
		url = file://$PROFILES
		formats = svg,folded,pprof
	END
}

prepare() {
	systemd-sysusers
	systemd-tmpfiles --create eprof.conf
	mkdir -p "$PROFILES" "${METRICS%/*}" "/etc/systemd/system/$UNIT.d"
	chown eprof:eprof "$PROFILES" "${METRICS%/*}"
	# As the unit says of targets that are directories.
	printf '[Service]\nReadWritePaths=%s\n' "$PROFILES" >"/etc/systemd/system/$UNIT.d/disk.conf"
	configure "${WINDOW_SECONDS}s"
	systemctl daemon-reload
}

# Type=notify: the call returns when the agent samples.
check_start() {
	systemctl start "$UNIT" || {
		wrong "start: it does not"
		systemctl status "$UNIT" --no-pager -l -n 20
		journalctl -b --no-pager -o cat | grep -a eprof | tail -n 20
		eprof agent --check-config --config /etc/eprof/agent.conf
		return
	}
	same "after its start it is" "$(systemctl is-active "$UNIT")" active
	same "its state" "$(property SubState)" running
	soon "its status tells" has_status
	soon "three windows arrive" has_windows on-cpu 0 3
	soon "with time off a CPU" has_windows off-cpu 0 3
	soon "metrics are written" test -s "$METRICS"
	systemctl status "$UNIT" --no-pager -n 0 | grep -E '^ *(Status|Memory|Tasks|CPU):'
}

check_privileges() {
	local pid uploader
	pid=$(main_pid)
	uploader=$(pgrep -P "$pid" -f eprof-uploader)
	same "it is" "$(stat -c %U "/proc/$pid")" eprof
	same "new privileges are off" "$(status_field "$pid" NoNewPrivs)" 1
	same "the uploader's capabilities" "$(status_field "$uploader" CapEff)" 0000000000000000
	same "the bounding set" "$(status_field "$pid" CapBnd)" 0000000000000000
	# CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_SYSLOG CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE
	same "its capabilities" "$(status_field "$pid" CapEff)" 000001c400080004
}

check_reload() {
	local pid
	pid=$(main_pid)
	configure "$((2 * WINDOW_SECONDS))s"
	systemctl reload "$UNIT" || wrong "reload: it cannot"
	soon "a reload is logged" has_logged 'has read its config again'
	soon "windows go on after it" has_windows on-cpu "$(now)" 2
	same "it is the same process" "$(main_pid)" "$pid"
}

# Who does not say that it is alive is ended, and another begins.
check_watchdog() {
	local pid
	pid=$(main_pid)
	kill -STOP "$pid"
	soon "the watchdog ends one that hangs" is_not_pid "$pid"
	soon "another one samples" is_property SubState running
	soon "its status tells again" has_status
	# It could not end by itself.
	same "restarts" "$(property NRestarts)" 1
}

check_kill() {
	local pid
	pid=$(main_pid)
	kill -KILL "$pid"
	soon "one that was killed begins again" is_not_pid "$pid"
	soon "and its windows arrive" has_windows on-cpu "$(now)" 2
	same "restarts" "$(property NRestarts)" 2
}

check_memory() {
	local peak most
	peak=$(cat "/sys/fs/cgroup/system.slice/$UNIT/memory.peak" 2>/dev/null || property MemoryCurrent)
	most=$(property MemoryMax)
	echo "     memory of the unit: $((peak >> 20)) MiB of $((most >> 20))"
	if ((peak < most)); then ok "it lives with its memory"; else wrong "memory: $peak"; fi
	same "nothing was killed for memory" "$(awk '$1 == "oom_kill" { print $2 }' \
		"/sys/fs/cgroup/system.slice/$UNIT/memory.events")" 0
}

check_stop() {
	systemctl stop "$UNIT" || wrong "stop: it does not"
	same "after its end it is" "$(systemctl is-active "$UNIT")" inactive
	same "the result" "$(property Result)" success
	same "its exit code" "$(property ExecMainStatus)" 0
}

# A mistake in the configuration is none that a new start mends.
check_mistake() {
	echo 'windw = 5s' >>/etc/eprof/agent.conf
	systemctl start "$UNIT" 2>/dev/null && wrong "it starts with a mistake in its configuration"
	same "with a mistake it has" "$(property Result)" exit-code
	same "and is not tried again" "$(property SubState)" failed
	soon "the line is named" has_logged 'agent.conf:[0-9]'
}

main() {
	echo "systemd $(systemctl --version | awk 'NR == 1 { print $2 }'), Linux $(uname -r)"
	prepare
	check_start
	((failed)) && return 1
	check_privileges
	check_memory
	check_reload
	check_watchdog
	check_kill
	check_memory
	check_stop
	check_mistake
	echo "systemd-analyze: $(systemd-analyze security "$UNIT" --no-pager 2>/dev/null | tail -n 1)"
	journalctl -b --no-pager -o cat -p err -u "$UNIT" | tail -n 5
	((failed == 0))
}

status=0
main || status=1
echo "$passed passed, $failed failed"
echo "exit status $status"
