# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Packages of a Debian archive, unpacked into a folder: sourced by what fetches kernels and
# interpreters. apt runs with its own lists, cache and state, so the system's sources, keys and
# packages stay as they are. SEEP_DEBIAN_MIRROR names another mirror. The caller has die().

# archive_open SUITE ARCH FOLDER: reads the package lists, and keeps them under FOLDER.
archive_open() {
	local suite=$1 arch=$2 tool archive=debian
	archive_top=$3
	local mirror=${SEEP_DEBIAN_MIRROR:-http://deb.debian.org}
	for tool in apt-get dpkg-deb; do
		command -v $tool >/dev/null || die "$tool is missing: packages are fetched on Debian systems"
	done
	mkdir -p "$archive_top/lists/partial" "$archive_top/archives/partial"
	# bullseye and later keep security updates in an archive of their own
	case $suite in *-security) archive=debian-security ;; esac
	echo "deb [arch=$arch] $mirror/$archive $suite main" >"$archive_top/sources.list"
	archive_options=(
		-o Dir::Etc::SourceList="$archive_top/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$archive_top/lists" -o Dir::State::Status=/dev/null
		-o Dir::Cache="$archive_top" -o Dir::Cache::Archives="$archive_top/archives"
		-o APT::Architecture="$arch" -o APT::Architectures::="$arch" -o APT::Get::List-Cleanup=0
		-o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none
	)
	apt-get -qq "${archive_options[@]}" update >"$archive_top/update.log" 2>&1 ||
		die "no package lists for $suite from $mirror: $(tail -n 1 "$archive_top/update.log")"
}

# archive_unpack PACKAGE FOLDER: its newest version.
archive_unpack() {
	local deb log=$archive_top/download.log
	mkdir -p "$2"
	(cd "$archive_top/archives" && apt-get -qq "${archive_options[@]}" download "$1" >/dev/null 2>"$log") ||
		die "$1 could not be downloaded: $(tail -n 1 "$log")"
	deb=$(find "$archive_top/archives" -maxdepth 1 -name "${1}_*.deb" | sort -V | tail -n 1)
	dpkg-deb -x "$deb" "$2"
	rm -f "$deb"
}
