"""What an administrator, or Kafka's own retention, does to a topic: by the client library that the services use.

Each call waits until what was asked for is to be seen from outside.
"""
import contextlib
import ctypes
import json
import subprocess

from support.stack import ENV, wait_for, watermarks

PRODUCER, ANSWER_MS = 0, 30_000
_library = ctypes.CDLL("librdkafka.so.1")
for _name, _result, _arguments in (
        ("conf_new", ctypes.c_void_p, []),
        ("conf_set", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("new", ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("destroy", None, [ctypes.c_void_p]),
        ("queue_new", ctypes.c_void_p, [ctypes.c_void_p]),
        ("queue_destroy", None, [ctypes.c_void_p]),
        ("queue_poll", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
        ("event_error_string", ctypes.c_char_p, [ctypes.c_void_p]),
        ("event_error", ctypes.c_int, [ctypes.c_void_p]),
        ("event_destroy", None, [ctypes.c_void_p]),
        ("NewTopic_new", ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]),
        ("NewTopic_set_config", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]),
        ("NewTopic_destroy", None, [ctypes.c_void_p]),
        ("CreateTopics", None, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]),
        ("DeleteTopic_new", ctypes.c_void_p, [ctypes.c_char_p]),
        ("DeleteTopic_destroy", None, [ctypes.c_void_p]),
        ("DeleteTopics", None, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]),
        ("topic_partition_list_new", ctypes.c_void_p, [ctypes.c_int]),
        ("topic_partition_list_destroy", None, [ctypes.c_void_p]),
        ("topic_partition_list_add", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32]),
        ("topic_partition_list_set_offset", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int64]),
        ("DeleteRecords_new", ctypes.c_void_p, [ctypes.c_void_p]),
        ("DeleteRecords_destroy", None, [ctypes.c_void_p]),
        ("DeleteRecords", None, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p])):
    _function = getattr(_library, f"rd_kafka_{_name}")
    _function.restype, _function.argtypes = _result, _arguments


@contextlib.contextmanager
def _client():
    words = ctypes.create_string_buffer(300)
    conf = _library.rd_kafka_conf_new()
    assert _library.rd_kafka_conf_set(conf, b"bootstrap.servers", ENV["WEIR_KAFKA"].encode(), words, len(words)) == 0, words.value
    handle = _library.rd_kafka_new(PRODUCER, conf, words, len(words))
    assert handle, words.value
    queue = _library.rd_kafka_queue_new(handle)
    yield handle, queue
    _library.rd_kafka_queue_destroy(queue)
    _library.rd_kafka_destroy(handle)


def _ask(function, request):
    with _client() as (handle, queue):
        function(handle, ctypes.byref(ctypes.c_void_p(request)), 1, None, queue)
        event = _library.rd_kafka_queue_poll(queue, ANSWER_MS)
        assert event, "no broker has answered"
        error = _library.rd_kafka_event_error(event), _library.rd_kafka_event_error_string(event)
        _library.rd_kafka_event_destroy(event)
        assert error[0] == 0, error


def _topics(*options):
    done = subprocess.run(["kcat", "-L", "-J", "-b", ENV["WEIR_KAFKA"], *options], capture_output=True, text=True, timeout=30, check=True)
    return {topic["topic"]: topic for topic in json.loads(done.stdout)["topics"]}


def metadata(topic):
    """{"topic", "partitions": [{"partition", "leader", "replicas": [{"id"}], "isrs": [{"id"}]}]}"""
    return _topics("-t", topic)[topic]


def coordinator(group):
    """The broker (its number) that a consumer group's members turn to: who leads the group's partition of the offsets topic, which goes by Java's hash of its name."""
    code = 0
    for letter in group.encode():
        code = (31 * code + letter) & 0xFFFFFFFF
    partitions = metadata("__consumer_offsets")["partitions"]
    number = (code & 0x7FFFFFFF) % len(partitions)
    return next(p["leader"] for p in partitions if p["partition"] == number)


def delete_topic(topic):
    request = _library.rd_kafka_DeleteTopic_new(topic.encode())
    _ask(_library.rd_kafka_DeleteTopics, request)
    _library.rd_kafka_DeleteTopic_destroy(request)
    wait_for(lambda: topic not in _topics(), 30, f"the topic {topic} is gone")


def make_topic_with(topic, settings):
    """One of a test's own, of one partition."""
    words = ctypes.create_string_buffer(300)
    request = _library.rd_kafka_NewTopic_new(topic.encode(), 1, 1, words, len(words))
    assert request, words.value
    for name, value in settings.items():
        assert _library.rd_kafka_NewTopic_set_config(request, name.encode(), str(value).encode()) == 0, name
    _ask(_library.rd_kafka_CreateTopics, request)
    _library.rd_kafka_NewTopic_destroy(request)
    wait_for(lambda: topic in _topics(), 30, f"the topic {topic} is there")


def make_topic(stream):
    """As at the begin: `weir init` makes what is not there, and nothing else."""
    done = _init(stream)
    assert done.returncode == 0, done.stderr


def make_topic_anew(stream):
    """`weir init` makes the topic, and then finds the progress of the one that was there before."""
    done = _init(stream)
    assert done.returncode == 1 and "the topic was lost or made anew under its rows" in done.stderr, done
    assert stream in _topics()


def _init(stream):
    return subprocess.run([f"{ENV['WEIR_BIN']}/weir", "--config", f"{ENV['WEIR_VAR']}/etc/weir.yaml", "init", "--stream", stream],
                          capture_output=True, text=True, timeout=60, check=False)


def delete_records(topic, partition, before):
    """The log of this partition begins at offset `before` from now on."""
    offsets = _library.rd_kafka_topic_partition_list_new(1)
    _library.rd_kafka_topic_partition_list_add(offsets, topic.encode(), partition)
    _library.rd_kafka_topic_partition_list_set_offset(offsets, topic.encode(), partition, before)
    request = _library.rd_kafka_DeleteRecords_new(offsets)
    _ask(_library.rd_kafka_DeleteRecords, request)
    _library.rd_kafka_DeleteRecords_destroy(request)
    _library.rd_kafka_topic_partition_list_destroy(offsets)
    wait_for(lambda: watermarks(topic, end=False)[partition] == before, 30, f"the log of {topic}[{partition}] begins at offset {before}")
