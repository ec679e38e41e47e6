// SPDX-License-Identifier: Apache-2.0
// Words counted, sorted and parsed in two threads, for ever; "ready" when they are compiled.
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

public class Words {
	private static final Pattern DIGITS = Pattern.compile("(\\d+)-(\\d+)");
	private static final int WARM_UP_ROUNDS = 60;

	static List<String> makeWords(Random random) {
		List<String> words = new ArrayList<>();
		for (int i = 0; i < 20000; i++)
			words.add(random.nextInt(5000) + "-" + random.nextInt(3));
		return words;
	}

	static Map<String, Integer> count(List<String> words) {
		Map<String, Integer> counts = new HashMap<>();
		for (String word : words)
			counts.merge(word, 1, Integer::sum);
		return counts;
	}

	static long parse(List<String> words) {
		long sum = 0;
		for (String word : words) {
			var matcher = DIGITS.matcher(word);
			if (matcher.matches())
				sum += Long.parseLong(matcher.group(1));
		}
		return sum;
	}

	static long work(Random random) {
		List<String> words = makeWords(random);
		var sorted = words.stream().sorted().collect(Collectors.toList());
		return parse(sorted) + count(words).size();
	}

	static void loop(int seed) {
		Random random = new Random(seed);
		long sum = 0;
		for (int round = 0; sum >= 0; round++) {
			sum = (sum + work(random)) & Long.MAX_VALUE;
			if (seed == 0 && round == WARM_UP_ROUNDS)
				System.out.println("ready");
		}
	}

	public static void main(String[] arguments) {
		new Thread(() -> loop(1), "second").start();
		loop(0);
	}
}
