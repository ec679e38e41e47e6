# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Debian's kernels, from the mirror that this machine's apt uses. To be sourced; lists, packages and
# sources are all below $cache, and the system's are left alone.
: "${cache:?}"

# Releases that go to the archives, or are not there yet, are passed over.
SUITES="bullseye bullseye-backports bookworm bookworm-backports trixie trixie-backports sid"
SECURITY_SUITES="bullseye-security bookworm-security trixie-security"
LISTS_MINUTES=1440

private_apt() {
	APT_CONFIG=$cache/apt/apt.conf "$@"
}

# The mirrors of main and of security: "URI SUITE" of what the system's apt knows is on stdin.
mirror_of() {
	awk -v security="$1" '($2 ~ /-security$/) == security { print $1; exit }'
}

write_apt_files() {
	local targets main security suite keyring
	# shellcheck disable=SC2016 # apt's own variables
	targets=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages')
	main=$(mirror_of 0 <<<"$targets")
	security=$(mirror_of 1 <<<"$targets")
	keyring=$(find /usr/share/keyrings -name 'debian-archive-keyring.*' | sort | head -n 1)
	mkdir -p "$cache"/apt/{lists,archives}/partial
	cat >"$cache/apt/apt.conf" <<-END
		Dir::State "$cache/apt";
		Dir::State::lists "$cache/apt/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$cache/apt";
		Dir::Etc::sourcelist "$cache/apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Acquire::Languages "none";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		Debug::NoLocking "1";
	END
	for suite in $SUITES; do
		echo "deb [arch=amd64${keyring:+ signed-by=$keyring}] ${main:-none} $suite main"
	done >"$cache/apt/sources.list"
	[[ -n $security ]] || return 0
	for suite in $SECURITY_SUITES; do
		echo "deb [arch=amd64${keyring:+ signed-by=$keyring}] $security $suite main"
	done >>"$cache/apt/sources.list"
}

# Once a day. That a suite is not there makes apt-get fail, but it keeps what it has of the others.
update_lists() {
	local stamp=$cache/apt/updated
	if [[ -z $(find "$stamp" -mmin -"$LISTS_MINUTES" 2>/dev/null) ]]; then
		write_apt_files
		private_apt apt-get update -qq >"$cache/apt/update.log" 2>&1 || true
		touch "$stamp"
	fi
	private_apt apt-cache pkgnames linux-image- | grep -E -- '-(rt|cloud)-amd64$' |
		private_apt xargs -r apt-cache show --no-all-versions |
		awk '$1 == "Package:" { package = $2 } $1 == "Version:" { print package, $2 }' |
		sort -k 2 -V >"$cache/apt/kernels"
}

# Prints name and version of the newest package of "6.12", "6.12-rt" (the realtime kernel) or of all
# ("newest"), and fails when there is none. Those for clouds have few drivers: enough here.
find_kernel() {
	local version=${1%-rt} flavour=cloud
	[[ $1 == *-rt ]] && flavour=rt
	[[ $version == newest ]] && version='[0-9.]+'
	# What has no digits behind its version is an empty package.
	grep -E "^linux-image-${version/./\\.}[.0-9][^ ]*[0-9]-$flavour-amd64 [0-9]" "$cache/apt/kernels" |
		awk -v version="$version" '{
			split($1, name, "-")
			split(name[3], number, ".")
			if (version ~ /\[/ || number[1] "." number[2] == version)
				newest = $0
		}
		END { if (newest) print newest; exit !newest }'
}

# PACKAGE VERSION: prints the path of its kernel image, which is downloaded when it is not there.
fetch_kernel() {
	local image=$cache/vmlinuz-${1#linux-image-}_$2 package=$1 directory
	if [[ ! -s $image ]]; then
		# Since 6.19 the image is in a package of its own.
		private_apt apt-cache show "${1/#linux-image/linux-binary}" >/dev/null 2>&1 &&
			package=${1/#linux-image/linux-binary}
		directory=$(mktemp -d "$cache/download.XXXXXX")
		(cd "$directory" && private_apt apt-get download -qq "$package" >&2) &&
			dpkg-deb --fsys-tarfile "$directory"/*.deb |
			tar -xO --wildcards '*/vmlinuz*' >"$directory/vmlinuz" &&
			mv "$directory/vmlinuz" "$image"
		rm -rf "$directory"
	fi
	[[ -s $image ]] && echo "$image"
}
