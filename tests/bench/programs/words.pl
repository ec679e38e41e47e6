# SPDX-License-Identifier: Apache-2.0
# Words counted, sorted and matched, for ever.
use strict;
use warnings;

sub make_words {
	my ($count) = @_;
	return map { "word-" . int(rand(5000)) } 1 .. $count;
}

sub work {
	my @words = make_words(10000);
	my %counts;
	$counts{$_}++ for @words;
	my @rows = sort { $counts{$b} <=> $counts{$a} || $a cmp $b } keys %counts;
	return @rows + grep { /^word-\d*7$/ } sort @words;
}

work() while 1;
