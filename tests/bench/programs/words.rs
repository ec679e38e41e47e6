// SPDX-License-Identifier: Apache-2.0
// Words counted and sorted in two threads, for ever.
use std::collections::{BTreeMap, HashMap};
use std::thread;

fn make_words(seed: &mut u32) -> Vec<String> {
    (0..20000)
        .map(|_| {
            *seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            format!("word-{}", (*seed >> 8) % 5000)
        })
        .collect()
}

fn count(words: &[String]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in words {
        *counts.entry(word.as_str()).or_insert(0) += 1;
    }
    counts
}

fn work(seed: &mut u32) -> usize {
    let mut words = make_words(seed);
    words.sort();
    let ordered: BTreeMap<_, _> = count(&words).into_iter().collect();
    let sum: usize = ordered
        .iter()
        .filter_map(|(word, n)| word[5..].parse::<usize>().ok().map(|value| value * n))
        .sum();
    sum
}

fn run(mut seed: u32) {
    let mut sum = 0usize;
    loop {
        sum = sum.wrapping_add(work(&mut seed));
        if sum == 1 {
            println!("{sum}");
        }
    }
}

fn main() {
    let second = thread::spawn(|| run(2));
    run(1);
    second.join().unwrap();
}
