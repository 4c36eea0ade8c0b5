# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make install PREFIX=/usr DESTDIR=/staging

BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
MAN_PAGES := $(sort $(wildcard man/*.[1-8]))
COMPLETIONS := $(sort $(wildcard tools/completion/*))
page_folder = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))

.PHONY: install uninstall
install: $(B)/seep
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 $(B)/seep $(DESTDIR)$(BINDIR)/seep
	$(foreach p,$(MAN_PAGES),install -d $(call page_folder,$(p)) && install -m 644 $(p) $(call page_folder,$(p)) &&) true
	$(foreach c,$(COMPLETIONS),install -d $(DESTDIR)$(COMPLETIONDIR) && install -m 644 $(c) $(DESTDIR)$(COMPLETIONDIR) &&) true

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/seep
	rm -f $(foreach p,$(MAN_PAGES),$(call page_folder,$(p))/$(notdir $(p)))
	rm -f $(foreach c,$(COMPLETIONS),$(DESTDIR)$(COMPLETIONDIR)/$(notdir $(c)))
