# Paddock's build: one file, no generator.
#
#   make            the server and tools, into build/bin
#   make run        installs what is missing, builds, serves 127.0.0.1:2181 from ./data
#   make run-ensemble   the same, three voters and an observer in ./ensemble
#   make test       everything that CI runs          make unit     unit tests only
#   make check      test, and units with TSan, clang  make bench    the table of docs/BENCHMARKS.md
#   make fuzz       libFuzzer targets, for longer     make format   make tidy     house rules
#   make interop    black-box suites, with what takes long and is not in make test
#   make sim        simulated ensembles from seeds    make sim-long until stopped
#
# Sources are found, not listed: src/**/x.c goes into the library of its variant, src/**/x_test.c
# becomes <variant>/test/**/x_test, src/tools/<name>/main.c becomes bin/paddock-<name>,
# bench/<name>/main.c becomes bin/bench-<name>, tests/fuzz/<name>_fuzz.c build/fuzz/<name>.
#
# Variants: build (release), build/asan (ASan+UBSan, what tests use), build/tsan, build/clang.

CC      ?= gcc
CLANG   ?= clang
PYTHON  ?= /usr/bin/python3
WERROR  ?=
Q       ?= @

VERSION := $(shell cat VERSION)
# "MM/DD/YYYY HH:MM UTC" of what is built: the same source gives the same bytes.
DATE_FORMAT := %m/%d/%Y %H:%M UTC
BUILD_DATE  := $(shell seconds=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null)}; \
                 if [ -n "$$seconds" ]; then date -u -d "@$$seconds" '+$(DATE_FORMAT)'; \
                 else date -u -r VERSION '+$(DATE_FORMAT)'; fi)

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wvla $(WERROR)
BASE := -std=c17 -D_GNU_SOURCE -DPDK_VERSION='"$(VERSION)"' -I. -Isrc -g -MMD -MP -pthread \
        -fno-omit-frame-pointer $(WARN)
LIBS := -lcrypto -lz -lsnappy -pthread

RELEASE_FLAGS := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2
ASAN_FLAGS    := -O1 -Werror -DPDK_VERIFY_ON -fsanitize=address,undefined -fno-sanitize-recover=all
TSAN_FLAGS    := -O1 -Werror -DPDK_VERIFY_ON -fsanitize=thread
CLANG_FLAGS   := -O1 -Werror -DPDK_VERIFY_ON

SRCS     := $(shell find src -name '*.c' ! -name '*_test.c' | sort)
MAINS    := $(filter src/server/main.c src/tools/%/main.c,$(SRCS))
LIB_SRCS := $(filter-out $(MAINS),$(SRCS))
SIM_SRCS := $(shell find sim -name '*.c' ! -name '*_test.c' ! -path sim/main.c 2>/dev/null | sort)
TESTS    := $(shell find src sim -name '*_test.c' 2>/dev/null | sort)
BENCHES  := $(wildcard bench/*/main.c)
FUZZERS  := $(wildcard tests/fuzz/*_fuzz.c)

TOOL_NAMES  := $(patsubst src/tools/%/main.c,%,$(filter src/tools/%,$(MAINS)))
BENCH_NAMES := $(patsubst bench/%/main.c,%,$(BENCHES))

all: build/bin/paddockd $(TOOL_NAMES:%=build/bin/paddock-%)
.PHONY: all run run-ensemble test unit check bench bench-bins fuzz format tidy clean asan tsan test-bins

# $(1) folder of the variant, $(2) compiler, $(3) flags, $(4) extra libraries
define variant
$(1)/obj/%.o: %.c VERSION
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(BASE) $(3) $$(CPPFLAGS) $$(CFLAGS) -c $$< -o $$@
$(1)/libpaddock.a: $$(LIB_SRCS:%.c=$(1)/obj/%.o)
	$$(Q)rm -f $$@; ar rcs $$@ $$^
$(1)/libsim.a: $$(SIM_SRCS:%.c=$(1)/obj/%.o)
	$$(Q)rm -f $$@; ar rcs $$@ $$^
$(1)/bin/paddockd: $(1)/obj/src/server/main.o $(1)/libpaddock.a
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(LDFLAGS) -o $$@ $$^ $(4) $$(LIBS)
$(1)/bin/paddock-%: $(1)/obj/src/tools/%/main.o $(1)/libpaddock.a
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
$(1)/bin/sim: $(1)/obj/sim/main.o $(1)/libsim.a $(1)/libpaddock.a
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
$(1)/bin/bench-%: $(1)/obj/bench/%/main.o $(1)/libpaddock.a
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
$(1)/test/%_test: $(1)/obj/src/%_test.o $(1)/libsim.a $(1)/libpaddock.a
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(LDFLAGS) -o $$@ $$^ -lcmocka $$(LIBS)
$(1)/test/sim/%_test: $(1)/obj/sim/%_test.o $(1)/libsim.a $(1)/libpaddock.a
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(LDFLAGS) -o $$@ $$^ -lcmocka $$(LIBS)
-include $$(shell find $(1)/obj -name '*.d' 2>/dev/null)
endef

build/%/src/server/version.o: BASE += -DPDK_BUILD_DATE='"$(BUILD_DATE)"'

# The allocator of the shipped server: architecture.md section 12.  Sanitizers bring their own.
SERVER_MALLOC ?= -ljemalloc
$(eval $(call variant,build,$(CC),$(RELEASE_FLAGS),$(SERVER_MALLOC)))
$(eval $(call variant,build/asan,$(CC),$(ASAN_FLAGS),))
$(eval $(call variant,build/tsan,$(CC),$(TSAN_FLAGS),))
$(eval $(call variant,build/clang,$(CLANG),$(CLANG_FLAGS),))

test_bins = $(patsubst src/%.c,$(1)/test/%,$(filter src/%,$(TESTS))) \
            $(patsubst sim/%.c,$(1)/test/sim/%,$(filter sim/%,$(TESTS)))
.SECONDARY:

test-bins: $(call test_bins,build/asan)
bench-bins: all $(BENCH_NAMES:%=build/bin/bench-%)
asan: build/asan/bin/paddockd
tsan: build/tsan/bin/paddockd

# Fuzz targets share one library built for coverage.
FUZZ_FLAGS := -O1 -DPDK_VERIFY_ON -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
$(eval $(call variant,build/fuzz,$(CLANG),$(FUZZ_FLAGS),))
FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(FUZZERS))
build/fuzz/bin/%: build/fuzz/obj/tests/fuzz/%_fuzz.o build/fuzz/libsim.a build/fuzz/libpaddock.a
	@mkdir -p $(@D)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)
fuzz-bins: $(FUZZ_NAMES:%=build/fuzz/bin/%)
.PHONY: fuzz-bins
# Minutes per target: make fuzz FUZZ_SECONDS=600.  What it finds stays in build/fuzz/found.
FUZZ_SECONDS ?= 60
fuzz: fuzz-bins
	@set -e; for t in $(FUZZ_NAMES); do echo "== $$t"; mkdir -p build/fuzz/found/$$t; \
	    build/fuzz/bin/$$t -max_total_time=$(FUZZ_SECONDS) \
	    -artifact_prefix=build/fuzz/found/$$t/crash- build/fuzz/found/$$t tests/fuzz/corpus/$$t; done

unit: test-bins
	@$(PYTHON) tests/run.py unit

# What CI runs.  The foreign clients talk to the sanitized server: what they provoke is seen.
test:
	@sh tools/run/test-deps.sh
	@$(MAKE) --no-print-directory WERROR=-Werror all asan test-bins fuzz-bins build/asan/bin/sim
	@PADDOCKD=$(CURDIR)/build/asan/bin/paddockd $(PYTHON) tests/run.py

interop: all
	@INTEROP_LONG=1 $(PYTHON) tests/interop/run.py
.PHONY: interop

tidy:
	@$(PYTHON) tools/tidy/tidy.py
format:
	@$(PYTHON) tools/tidy/tidy.py --fix

# Thread sanitizer for what has threads, and everything once more with clang.
tsan-unit: $(call test_bins,build/tsan)
	@set -e; for t in $^; do echo "== $$t"; $$t >build/tsan/out 2>&1 || { cat build/tsan/out; exit 1; }; done
clang-unit: $(call test_bins,build/clang)
	@set -e; for t in $^; do echo "== $$t"; $$t >build/clang/out 2>&1 || { cat build/clang/out; exit 1; }; done
.PHONY: tsan-unit clang-unit
check: test tsan-unit clang-unit

run:
	@sh tools/run/run.sh
run-ensemble:
	@sh tools/run/ensemble.sh
bench: bench-bins
	@$(PYTHON) bench/run.py $(BENCH_ARGS)

# Ensembles in one thread (sim/README.md).  `make sim` runs many seeds, SEED=n one with its trace,
# `make sim-long` until stopped; SIM_ARGS as `sim --help` has them.
SIM_ARGS ?=
sim: build/asan/bin/sim
	@build/asan/bin/sim $(if $(SEED),-v $(SIM_ARGS) $(SEED),--seeds=300 --everything $(SIM_ARGS))
sim-long: build/asan/bin/sim
	@build/asan/bin/sim --seeds=0 --quiet --from=$$(date +%s) $(SIM_ARGS)
.PHONY: sim sim-long

clean:
	rm -rf build
