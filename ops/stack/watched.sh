# shellcheck shell=bash
# Programs that are watched while they run: by the sanitizers that the presets asan and tsan build in, or by valgrind.
# Each process writes what was found to log/watched.PID of the stack, also what a clean stop finds (leaks); a test run
# fails when there is such a file, whatever its tests said. What a killed process would have found is not known.

# watched_select PRESET UNDER: sets what the programs need in their environment. UNDER is `valgrind` or empty.
watched_select() {
    local log="$WEIR_VAR/log/watched"
    [[ ! $1 =~ ^(asan|tsan)$ && -z $2 ]] || export WEIR_WATCHED=yes # tests that measure leave that to others
    case $1 in
    asan)
        # A test's clock (LD_PRELOAD) comes before the sanitizer's library, which does it no harm.
        export ASAN_OPTIONS="log_path=$log:detect_leaks=1:verify_asan_link_order=0"
        export LSAN_OPTIONS=print_suppressions=0
        export UBSAN_OPTIONS="log_path=$log:print_stacktrace=1"
        ;;
    tsan)
        export TSAN_OPTIONS="log_path=$log:second_deadlock_stack=1"
        export WEIR_THREADS=2
        ;;
    esac
    [[ $2 != valgrind ]] ||
        export WEIR_UNDER="valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=99 \
            --suppressions=$root_dir/tests/support/valgrind.supp --log-file=$log.%p"
}

# Succeeds when nothing was found; else shows the first lines of each report.
watched_clean() {
    local report status=0
    for report in "$WEIR_VAR"/log/watched.*; do
        [[ -s $report ]] || continue
        head -n 60 "$report" | cut -c1-200 >&2
        warn "a watched program is not clean: $report"
        status=1
    done
    return $status
}
