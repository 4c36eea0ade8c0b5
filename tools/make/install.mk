# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make install PREFIX=/usr DESTDIR=/staging
#
# Settings that are there already stay as they are, and are only removed as long as nobody has
# changed them.

BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
UNITDIR ?= $(PREFIX)/lib/systemd/system
SHAREDIR ?= $(PREFIX)/share/seep
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
MAN_PAGES := $(sort $(wildcard man/*.[1-8]))
COMPLETIONS := $(sort $(wildcard tools/completion/*))
UNITS := $(sort $(wildcard tools/units/*.service tools/units/*.timer))
MANIFESTS := $(sort $(wildcard tools/manifests/*))
CONFIG := $(DESTDIR)$(SYSCONFDIR)/seep/seep.conf
page_folder = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))

.PHONY: install uninstall
install: $(B)/seep
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 $(B)/seep $(DESTDIR)$(BINDIR)/seep
	$(foreach p,$(MAN_PAGES),install -d $(call page_folder,$(p)) && install -m 644 $(p) $(call page_folder,$(p)) &&) true
	$(foreach u,$(UNITS),install -d $(DESTDIR)$(UNITDIR) && sed -e 's,@BINDIR@,$(BINDIR),; s,@SYSCONFDIR@,$(SYSCONFDIR),' $(u) >$(DESTDIR)$(UNITDIR)/$(notdir $(u)) && chmod 644 $(DESTDIR)$(UNITDIR)/$(notdir $(u)) &&) true
	$(foreach m,$(MANIFESTS),install -d $(DESTDIR)$(SHAREDIR) && install -m 644 $(m) $(DESTDIR)$(SHAREDIR) &&) true
	test -e $(CONFIG) || { install -d $(dir $(CONFIG)) && install -m 644 tools/units/seep.conf $(CONFIG); }
	$(foreach c,$(COMPLETIONS),install -d $(DESTDIR)$(COMPLETIONDIR) && install -m 644 $(c) $(DESTDIR)$(COMPLETIONDIR) &&) true

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/seep
	rm -f $(UNITS:tools/units/%=$(DESTDIR)$(UNITDIR)/%) $(MANIFESTS:tools/manifests/%=$(DESTDIR)$(SHAREDIR)/%)
	! cmp -s tools/units/seep.conf $(CONFIG) || rm -f $(CONFIG)
	rm -f $(foreach p,$(MAN_PAGES),$(call page_folder,$(p))/$(notdir $(p)))
	rm -f $(foreach c,$(COMPLETIONS),$(DESTDIR)$(COMPLETIONDIR)/$(notdir $(c)))
