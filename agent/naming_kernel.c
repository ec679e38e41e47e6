/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel frames of a stack. */
#include "agent/kernel_code.h"
#include "agent/naming_parts.h"

/* first_ns: from when on it may have been that address. */
static void push_address(struct naming *naming, uint64_t address, uint64_t first_ns)
{
	struct frame frame = { .name = "[unknown]", .module = "bpf", .kind = FRAME_KERNEL };
	enum kernel_code_found found = KERNEL_CODE_UNKNOWN;

	naming->stats.frames++;
	if (naming->kernel_code)
		found = kernel_code_find(naming->kernel_code, address, first_ns, &frame.name);
	if (found == KERNEL_CODE_AMBIGUOUS)
		frame.name = "[bpf]";
	if (found == KERNEL_CODE_NAMED || (found == KERNEL_CODE_UNKNOWN &&
					   symbolize_kernel(naming->symbolizer, address, &frame))) {
		naming_push(naming, &frame);
		return;
	}
	naming->stats.unnamed_kernel_frames++;
	frame.module = found == KERNEL_CODE_UNKNOWN ? NULL : frame.module;
	naming_push(naming, &frame);
}

void naming_push_kernel(struct naming *naming, const struct naming_kernel_stack *stack,
			enum naming_order order)
{
	if (!stack->depth)
		return;
	if (symbolizer_kernel_names(naming->symbolizer) != KERNEL_NAMES_OK) {
		/* The user part keeps its worth; one frame says where the time went. */
		naming->stats.frames++;
		naming->stats.unnamed_kernel_frames++;
		naming->stats.kernel_names_missing = true;
		naming_push(naming, &(struct frame){ .name = "[kernel]", .kind = FRAME_KERNEL });
		return;
	}
	for (size_t i = 0; i < stack->depth; i++) {
		size_t at = order == NAMING_INNERMOST_FIRST ? i : stack->depth - 1 - i;

		/* Of callers it is the address behind the call. */
		push_address(naming, stack->addresses[at] - (at > 0), stack->first_ns);
	}
}
