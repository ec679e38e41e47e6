# SPDX-License-Identifier: Apache-2.0
# Words counted, sorted and matched, for ever.
def make_words(count)
  Array.new(count) { "word-#{rand(5000)}" }
end

def count_words(words)
  words.each_with_object(Hash.new(0)) { |word, counts| counts[word] += 1 }
end

def work
  words = make_words(10_000)
  rows = count_words(words).sort_by { |word, n| [-n, word] }
  rows.size + words.sort.grep(/\Aword-\d*7\z/).size
end

work while true
