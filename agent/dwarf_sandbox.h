/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_AGENT_DWARF_SANDBOX_H
#define EPROF_AGENT_DWARF_SANDBOX_H

/*
 * From here on the thread may ask the kernel for nothing but what the reading of debug information
 * takes (x86-64 and arm64; elsewhere nothing changes): memory that is not executable, descriptors
 * it has, a socket it talks over, and files that may be opened for reading, as DWARF may be split
 * (symbolize/dwarf_split.h). All else fails with EPERM. Not to be undone. Wants no_new_privs. 0, or
 * -errno; of a kernel that has no filters, 0.
 */
int dwarf_sandbox_enter(void);

#endif
