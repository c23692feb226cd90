# SPDX-License-Identifier: GPL-2.0-only
#
#   make                    the tool, and the module where this kernel's headers are
#   make module KDIR=DIR    dm-vhdx.ko for the kernel whose build tree DIR is
#   make userspace          userspace/vhdxsetup
#   make install            both, as root; DESTDIR and PREFIX as usual
#   make demo               the main job in a virtual machine; KERNEL=6.1 for the other
#   make check              all that a change must pass, under 20 minutes
#   make check-kernel       every test in the virtual machines, under 60 minutes
#   make check-long         both, and the long runs of the crash simulator, of the
#                           fuzzers and on the debug kernel
#   make debug-kernel       the kernel for that, from Debian's newest source
#   make fuzz               fuzz each door for SECONDS_EACH; goes on where it was
#   make coverage           which branches of the core unit tests and fuzzers take
#   make style              lints only
#   make clean
#
# demo and the checks install what they need with apt and keep Debian's kernels
# in ~/.cache/dm-vhdx.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.12
PREFIX ?= /usr/local
SECONDS_EACH ?= 600

all: userspace $(if $(wildcard $(KDIR)/Makefile),module)

# Each kernel has its own folder of links to the sources, so that the objects of
# two kernels never meet and the source tree stays clean.
RELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
OUT = $(CURDIR)/build/$(RELEASE)

module:
	@test -f $(KDIR)/Makefile || { echo "no kernel build tree at $(KDIR)" >&2; exit 1; }
	@mkdir -p $(OUT)
	@find $(OUT) -type l -delete
	@cp -as $(CURDIR)/Kbuild $(CURDIR)/dm-vhdx $(OUT)
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(OUT) modules
	@cp $(OUT)/dm-vhdx.ko dm-vhdx.ko

userspace:
	$(MAKE) --no-print-directory -C userspace

install: all
	install -D -m 755 userspace/vhdxsetup $(DESTDIR)$(PREFIX)/sbin/vhdxsetup
ifneq ($(wildcard $(KDIR)/Makefile),)
	$(MAKE) --no-print-directory -C $(KDIR) M=$(OUT) CONFIG_MODULE_SIG_ALL= \
		INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates modules_install
	$(if $(DESTDIR),,/sbin/depmod $(RELEASE))
endif

demo check check-kernel check-long coverage style: deps
	tests/run $@

debug-kernel: deps
	tests/vm/debug-kernel.sh --newest

demo: export KERNEL := $(KERNEL)

# Processor time for each target; run again to go on.
fuzz: deps
	$(MAKE) -s -C tests/fuzz
	tests/fuzz/run long $(SECONDS_EACH)

deps:
	tests/vm/deps.sh

clean:
	rm -rf build dm-vhdx.ko
	for dir in userspace tests/unit tests/coverage tests/images tests/crash tests/fuzz \
		tests/kill; do \
		test ! -f $$dir/Makefile || $(MAKE) -s -C $$dir clean; \
	done

.PHONY: all module userspace install demo check check-kernel check-long coverage fuzz \
	style deps debug-kernel clean
