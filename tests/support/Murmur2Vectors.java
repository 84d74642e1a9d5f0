/* Makes tests/unit/schemas/murmur2_vectors.tsv with Kafka's own Java client, so that the C code is held to the original and not to a reading of it.
 *
 *     java -cp kafka-clients.jar tests/support/Murmur2Vectors.java > tests/unit/schemas/murmur2_vectors.tsv
 *
 * Each line: the key in hex (UTF-8 bytes; "-" when empty), murmur2 as a signed int, the partition of 16, the partition of 7.
 */
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

public class Murmur2Vectors {
    private static final Random RANDOM = new Random(20261120);

    private static void addUserIds(Set<String> keys) {
        long power = 1;
        for (int digits = 1; digits <= 19; digits++) {
            keys.add(Long.toString(power));
            keys.add(Long.toString(digits == 19 ? Long.MAX_VALUE : power * 10 - 1));
            for (int i = 0; i < 6; i++)
                keys.add(Long.toString(power + (long) (RANDOM.nextDouble() * power * (digits == 19 ? 8 : 9))));
            if (digits < 19)
                power *= 10;
        }
        for (long id : new long[] {(1L << 31) - 1, 1L << 31, 1L << 32, (1L << 53) - 1, 1L << 53, (1L << 53) + 1, Long.MAX_VALUE - 1})
            keys.add(Long.toString(id));
    }

    private static void addTexts(Set<String> keys) {
        String letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:";
        keys.add("");
        for (int length = 1; length <= 64; length++)
            for (int i = 0; i < 2; i++) {
                StringBuilder text = new StringBuilder();
                for (int c = 0; c < length; c++)
                    text.append(letters.charAt(RANDOM.nextInt(letters.length())));
                keys.add(text.toString());
            }
        for (String text : new String[] {"é", "日本", "日本語", "温度計-7", "Größe", "датчик", "🌡", "🌡🌊", "a\u0000b", "ÿÿÿÿ", "\u007f\u0080"})
            keys.add(text);
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes)
            text.append(String.format("%02x", b));
        return bytes.length == 0 ? "-" : text.toString();
    }

    public static void main(String[] args) {
        Set<String> keys = new LinkedHashSet<>();
        addUserIds(keys);
        addTexts(keys);
        for (String key : keys) {
            byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
            System.out.println(hex(bytes) + "\t" + Utils.murmur2(bytes) + "\t" + BuiltInPartitioner.partitionForKey(bytes, 16) + "\t"
                + BuiltInPartitioner.partitionForKey(bytes, 7));
        }
    }
}
