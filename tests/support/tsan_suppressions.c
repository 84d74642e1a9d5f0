/* What ThreadSanitizer is not told of: races with a frame in the Kafka client library, which is built without it and
 * keeps its reference counts in atomic operations that the sanitizer cannot see. Ours are all looked at. Linked into
 * the preset tsan alone, so that no run can forget a setting. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka.so\n";
}
