# SPDX-License-Identifier: GPL-2.0
# The front door. make help lists the targets; every product goes to build/.

ifneq ($(words $(CURDIR)),1)
$(error make and kbuild cannot work in a path with spaces: $(CURDIR))
endif

RELEASE ?= $(shell uname -r)
KDIR ?= /lib/modules/$(RELEASE)/build
PREFIX ?= /usr/local
INSTALL_MOD_PATH ?= $(DESTDIR)

B := $(CURDIR)/build
SETUP := scripts/setup

# Below these, the products of others are found without asking where.
export QDS_KO ?= $(B)/guest/kmod/qds.ko
export QDS_BIN ?= $(B)/bin
export GUEST ?= $(CURDIR)/selftests/guest/run
# As it was typed, for the guest's shell: neither make nor this one looks into it.
quote := '
run = $(quote)$(subst $(quote),$(quote)\$(quote)$(quote),$(value RUN))$(quote)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help: ## list the targets
	@printf 'make TARGET, where TARGET is one of:\n\n'
	@sed -n 's/^\([a-z][a-z_-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | \
		while IFS="$$(printf '\t')" read -r target text; do \
			printf '  %-18s %s\n' "$$target" "$$text"; done
	@printf '\nVariables: KDIR=<kernel to build for>  PREFIX=<where to install>  DESTDIR=\n'
	@printf 'Caches: $$QDS_CACHE, or ~/.cache/qds\n'

# --- for one's own kernel ---

all: modules tools ## the module for KDIR (default: the running kernel), and the tools

modules: ## the module alone: build/modules/kmod/qds.ko
	@scripts/module "$(KDIR)" $(B)/modules

# kbuild signs only with the kernel's own key, which few headers come with, and
# leaves out depmod where there is no System.map, as in Debian's headers.
modules_install: modules ## install the module for that kernel (as root)
	$(MAKE) -C "$(KDIR)" M=$(B)/modules modules_install \
		INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
	PATH=$$PATH:/usr/sbin:/sbin depmod \
		$(if $(INSTALL_MOD_PATH),-b "$(INSTALL_MOD_PATH)") \
		"$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
			"$(KDIR)/include/generated/utsrelease.h")"

install: modules_install tools ## install the module and the tools, the latter in PREFIX
	$(MAKE) -C tools OUT=$(B)/bin PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" install

# --- programs ---

tools: ## qdsctl and libqds, static: build/bin/
	@[ ! -e /etc/debian_version ] || $(SETUP) build
	@$(MAKE) -s -C tools OUT=$(B)/bin

samples: guest-module ## the sample module and the sample program: build/guest/samples/, build/samples/
	@kdir=$$(scripts/fetch headers) && $(MAKE) -s -C "$$kdir" \
		M=$(B)/guest/samples KBUILD_EXTRA_SYMBOLS=$(B)/guest/Module.symvers \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules
	@$(MAKE) -s -C samples/userspace OUT=$(B)/samples

# --- in the guest ---

guest-module: ## the module for the guest's kernel: build/guest/kmod/qds.ko
	@$(SETUP) build
	@kdir=$$(scripts/fetch headers) && scripts/module "$$kdir" $(B)/guest

demo: ## an incremental backup of a real file system image, in a guest
	@$(SETUP) build guest demo
	@$(MAKE) guest-module tools
	@tools/demo/run

demo-handover: guest-module tools ## a server is killed again and again, and no client notices, in a guest
	@$(SETUP) guest
	@$(GUEST) --file $(B)/bin/handover --file tools/demo/handover/guest.sh \
		-- guest.sh

shell: guest-module tools ## a shell in a guest with qds; or one command: make shell RUN='qdsctl caps'
	@$(SETUP) guest
	@$(GUEST) $(if $(value RUN),,--interactive) --file $(B)/bin/qdsctl \
		--file $(B)/bin/qds-backup -- sh $(if $(value RUN),-c $(run))

# --- checks ---

check: ## everything below; the last line is the sum
	@scripts/check twin litmus kunit guest formats bench readme static

check-twin: ## the libraries in userspace, under ASan, UBSan and TSan
	@scripts/check twin

check-litmus: ## the libraries' memory ordering, under the kernel's memory model
	@scripts/check litmus

check-kunit: ## the KUnit suites in a kernel tree, on UML
	@scripts/check kunit

check-guest: ## the kselftest programs and the samples, in a guest
	@scripts/check guest

check-formats: ## bitmaps to and from qcow2 images and NBD, with QEMU's programs
	@scripts/check formats

check-bench: ## that the benchmarks work: short runs, in which figures say nothing
	@scripts/check bench

check-readme: ## what README.md says, make demo included
	@scripts/check readme

check-static: ## style, sparse, warnings of two compilers, headers, documentation
	@scripts/check static

# --- benchmarks ---

bench: bench-qht bench-hbitmap bench-lockcnt bench-device ## every benchmark: figures and ratios, and as files in build/bench/

# In userspace at native speed, and in a kernel where that part is.
bench-qht: ## qht against other hash tables; options by BENCH='--filter */hit'
	@$(SETUP) bench
	@$(MAKE) -s -C tools/bench OUT=$(B)/bench
	@tools/bench/run qht $(BENCH)

bench-hbitmap: ## hbitmap against a flat bitmap, memcpy() and Roaring, in userspace
	@$(SETUP) bench
	@$(MAKE) -s -C tools/bench OUT=$(B)/bench
	@tools/bench/run hbitmap $(BENCH)

bench-lockcnt: ## lockcnt against refcount_t and a mutex, in userspace
	@$(SETUP) bench
	@$(MAKE) -s -C tools/bench OUT=$(B)/bench $(B)/bench/bench-lockcnt
	@tools/bench/run lockcnt $(BENCH)

bench-device: ## /dev/qds against maps of bpf(2) and files in memory, in a guest
	@$(SETUP) bench guest
	@tools/bench/run device $(BENCH)

bench-handover: guest-module ## fd stores against SCM_RIGHTS, in a guest
	@$(SETUP) build guest
	@tools/bench/handover/run

# --- the rest ---

clean: ## remove what was built; caches stay
	rm -rf $(B)
	@find . \( -path ./.git -o -path ./build \) -prune -o -type f \( \
		-name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' -o \
		-name '.*.cmd' -o -name modules.order -o -name Module.symvers \) \
		-exec rm {} +

distclean: clean ## also remove the caches: kernels, kernel sources, their builds
	@scripts/fetch --clean

.PHONY: help all modules modules_install install tools samples guest-module \
	demo demo-handover shell check check-twin check-litmus check-kunit check-guest check-formats check-bench check-readme \
	check-static bench bench-qht bench-hbitmap bench-lockcnt bench-device bench-handover clean distclean
