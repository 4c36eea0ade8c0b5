# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What people run: the tests, the lints, the demonstration, the benchmarks.

JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
# the oldest that is supported, and the one of the current stable release
TEST_KERNELS ?= 5.10 6.12

.PHONY: setup setup-test test lint demo bench bench-duty vmtest
setup:
	$(Q)tools/setup --quiet

setup-test:
	$(Q)tools/setup --test --quiet

# What cannot be built here fails in its suite, so that the others still run and are counted.
test: setup-test
	$(Q)$(MAKE) $(JOBS) -k WERROR=1 all fixtures $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS) || true
	$(Q)tests/run runners=tests/run_test vmlinux=tests/vmlinux/run \
		unit='$(MAKE) -s WERROR=1 unit' \
		fuzz='$(MAKE) -s WERROR=1 fuzz-replay' \
		readers='$(MAKE) -s WERROR=1 readers' \
		live='$(MAKE) -s WERROR=1 live' \
		truth='$(MAKE) -s WERROR=1 truth-quick' \
		completion='B=$(B) tests/completion/run' \
		units='B=$(B) tests/units/run' \
		vm-harness=tests/vm/self_test \
		vm='$(MAKE) -s WERROR=1 vmtest KERNELS="$(TEST_KERNELS)"'

# make lint LINTS='layers format'
lint:
	$(Q)tools/lint/run $(LINTS)

# make vmtest KERNELS=6.1; all of them when none is named
vmtest: $(B)/seep
	$(Q)B=$(B) tests/vm/run $(KERNELS)

demo: setup
	$(Q)$(MAKE) $(JOBS) all
	$(Q)tools/demo

bench: setup-test
	$(Q)$(MAKE) $(JOBS) all
	$(Q)tools/bench/run
	$(Q)tools/bench/census
	$(Q)tools/bench/holders

bench-duty: setup-test
	$(Q)$(MAKE) $(JOBS) all bench-programs
	$(Q)tools/bench/duty
