/* What ThreadSanitizer is not told of: races with a frame in the Kafka client library, which is built without it and
 * keeps its reference counts in atomic operations that the sanitizer cannot see, and that library's threads that still
 * run when the process ends: nobody waits for the end of a reader (core/kafka_reader.c). Ours are all looked at. Linked
 * into the preset tsan alone, so that no run can forget a setting. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka.so\nthread:librdkafka.so\n";
}
