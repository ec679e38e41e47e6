// SPDX-License-Identifier: Apache-2.0
//! Code of the kind that is mostly inlined: iterators, closures, generics. For names_agree.py.
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> String {
        String::from("shape")
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Square(f64);

#[derive(Debug, Clone, PartialEq)]
struct Circle {
    radius: f64,
}

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        3.14159 * self.radius.powi(2)
    }
    fn name(&self) -> String {
        format!("circle {}", self.radius)
    }
}

mod words {
    use super::*;

    pub fn count<'a, I: Iterator<Item = &'a str>>(words: I) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for word in words {
            *counts.entry(word.to_lowercase()).or_insert(0) += 1;
        }
        counts
    }

    pub fn lengths(counts: &BTreeMap<String, usize>) -> HashMap<usize, Vec<&str>> {
        let mut lengths: HashMap<usize, Vec<&str>> = HashMap::new();
        for word in counts.keys() {
            lengths.entry(word.len()).or_default().push(word);
        }
        lengths
    }
}

fn largest<T: PartialOrd + Clone + Debug>(items: &[T]) -> Option<T> {
    items
        .iter()
        .cloned()
        .fold(None, |best, item| match best {
            Some(other) if other >= item => Some(other),
            _ => Some(item),
        })
}

fn sorts(seed: u64) -> u64 {
    let mut state = seed;
    let mut numbers: Vec<u64> = (0..5000)
        .map(|i| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(i);
            state >> 33
        })
        .collect();
    numbers.sort_by(|a, b| (a % 100).cmp(&(b % 100)));
    let mut words: Vec<String> = numbers.iter().map(|n| format!("{:x}", n % 997)).collect();
    words.sort();
    words.dedup();
    numbers.sort_unstable_by_key(|n| std::cmp::Reverse(*n));
    numbers.iter().zip(words.iter()).filter(|(n, w)| **n as usize % 3 == w.len() % 3).count() as u64
}

fn parse(text: &str) -> Result<Vec<i64>, std::num::ParseIntError> {
    text.split(',').map(|part| part.trim().parse::<i64>()).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let text = arguments.join(" ") + " the quick brown fox and the lazy dog";
    let shapes: Vec<Box<dyn Shape>> =
        vec![Box::new(Square(text.len() as f64)), Box::new(Circle { radius: 2.0 })];
    let area: f64 = shapes.iter().map(|shape| shape.area()).sum();
    let names: Vec<String> = shapes.iter().map(|shape| shape.name()).collect();
    let counts = words::count(text.split_whitespace());
    println!("{:?} {} {:?}", words::lengths(&counts), area, names);
    println!("{} {:?}", sorts(text.len() as u64), largest(&[3.5, area, 2.0]));
    match parse("1, 2, x") {
        Ok(numbers) => println!("{:?}", numbers),
        Err(error) => eprintln!("{}", error),
    }
}
