// SPDX-License-Identifier: Apache-2.0
// Goroutines that count, sort and send words to each other, for ever.
package main

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
)

var digits = regexp.MustCompile(`^word-\d*7$`)

func makeWords(seed uint32) []string {
	words := make([]string, 0, 5000)
	for i := 0; i < 5000; i++ {
		seed = seed*1664525 + 1013904223
		words = append(words, fmt.Sprintf("word-%d", seed>>8%5000))
	}
	return words
}

func count(words []string) map[string]int {
	counts := map[string]int{}
	for _, word := range words {
		counts[word]++
	}
	return counts
}

func work(words []string) int {
	sort.Strings(words)
	matched := 0
	for _, word := range words {
		if digits.MatchString(strings.ToLower(word)) {
			matched++
		}
	}
	return matched + len(count(words))
}

func producer(seed uint32, out chan<- []string) {
	for ; ; seed++ {
		out <- makeWords(seed)
	}
}

func consumer(in <-chan []string, done chan<- int) {
	for words := range in {
		done <- work(words)
	}
}

func main() {
	words, done := make(chan []string), make(chan int)
	for i := uint32(0); i < 4; i++ {
		go producer(i, words)
		go consumer(words, done)
	}
	for n := range done {
		if n < 0 {
			fmt.Println(n)
		}
	}
}
