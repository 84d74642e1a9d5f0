# shellcheck shell=bash
# Builds Weir with CMake and Ninja by a preset, into build/PRESET. A second run builds what has changed.

# build_make PRESET
build_make() {
    local log="$WEIR_VAR/log/build.log" folder="$root_dir/build/$1"
    say "building $folder"
    if [[ ! -e $folder/build.ninja ]]; then
        (cd "$root_dir" && cmake --preset "$1") >"$log" 2>&1 || {
            tail -n 20 "$log" >&2
            die "cmake could not configure the preset $1; its log is $log"
        }
    fi
    ninja -C "$folder" >"$log" 2>&1 || {
        grep -m 20 -E 'error|FAILED|warning:' "$log" >&2 || tail -n 20 "$log" >&2
        die "the build failed; its log is $log"
    }
}
