// SPDX-License-Identifier: Apache-2.0
/* C++ names: templates, namespaces, operators, lambdas and members, each a frame of one chain. */
#include "tests/programs/work.h"

namespace shapes
{

template <typename Number> class Burner
{
      public:
	FRAME uint64_t burn(Number count) { return spin_here(static_cast<uint64_t>(count)); }
};

namespace
{

/* A local name: internal linkage, still demangled. */
FRAME uint64_t hidden_step(uint64_t count)
{
	Burner<double> burner;

	return burner.burn(static_cast<double>(count)) + 1;
}

} // namespace

struct Caller {
	FRAME uint64_t operator()(uint64_t count) const { return hidden_step(count) + 1; }
};

template <typename Call, int Times> FRAME uint64_t repeat(const Call &call, uint64_t count)
{
	uint64_t sum = 0;

	for (int i = 0; i < Times; i++)
		sum += call(count / Times);
	return sum;
}

} // namespace shapes

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);

	run_ready();
	while (!run_is_over(&run))
		shapes::repeat<shapes::Caller, 2>(shapes::Caller(), SPINS);
	run_report_process("cxx");
	return 0;
}
