/* weir-fault-proxy: TCP links that can be made slow, silent, broken or forgetful by command; for the tests.
 *
 *     options -> links of the file -> control port -> turns until SIGTERM
 *
 * One thread, one process for all links of a stack. Loopback only. */
#include "tests/support/proxy/control.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { EXIT_USAGE = 2 };

static volatile sig_atomic_t proxy_stop;

static void on_signal(int number)
{
    (void)number;
    proxy_stop = 1;
}

static void catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: weir-fault-proxy --control PORT [--links FILE]\n"
            "Carries TCP connections on 127.0.0.1, and breaks them by command. FILE holds one link a line:\n"
            "  NAME LISTEN_PORT IPV4:PORT\n"
            "The control port takes one command a line and answers each with one line of JSON:\n%s"
            "faults:\n%s"
            "Exit codes: 0 stopped by SIGTERM or SIGINT, 1 failed, 2 wrong usage.\n",
            control_help, fault_help);
    return code;
}

struct options {
    uint16_t control_port;
    const char *links_file;
};

static bool options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
    static const struct option names[] = {
        {"control", required_argument, NULL, 'c'}, {"links", required_argument, NULL, 'l'}, {0}};
    long port = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == 'c')
            port = strtol(optarg, NULL, 10);
        else if (option == 'l')
            ret_options->links_file = optarg;
        else
            return err_set(err, ERR_USAGE, "unknown argument \"%.60s\"", argv[optind - 1]);
    }
    if (optind < argc || port < 1 || port > UINT16_MAX)
        return err_set(err, ERR_USAGE, "--control must be a port, 1 to 65535, and nothing may follow the options");
    ret_options->control_port = (uint16_t)port;
    return true;
}

static bool links_load(struct proxy *proxy, const char *path, struct err *err)
{
    char line[CONTROL_LINE_BYTES_MAX + 1];
    bool good = true;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_USAGE, "cannot read %s: %s", path, strerror(errno));
    for (int number = 1; good && fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = '\0';
        good = proxy_link(proxy, line, err) || err_prefix(err, "%s, line %d", path, number);
    }
    fclose(file);
    return good;
}

/* Each connection takes two descriptors. */
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

static int serve(const struct options *options)
{
    struct proxy proxy = {0};
    struct control control;
    struct err err = {0};
    raise_file_limit();
    if (!poller_open(&proxy.poller, &err) || (options->links_file && !links_load(&proxy, options->links_file, &err)) ||
        !control_open(&control, &proxy, options->control_port, &err)) {
        fprintf(stderr, "weir-fault-proxy: %s\n", err.text);
        return err.kind == ERR_USAGE ? EXIT_USAGE : EXIT_FAILURE;
    }
    while (!proxy_stop)
        proxy_turn(&proxy);
    control_close(&control);
    proxy_free(&proxy);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct err err = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, EXIT_SUCCESS);
    if (!options_parse(argc, argv, &options, &err)) {
        fprintf(stderr, "weir-fault-proxy: %s; see --help\n", err.text);
        return EXIT_USAGE;
    }
    catch_signals();
    return serve(&options);
}
