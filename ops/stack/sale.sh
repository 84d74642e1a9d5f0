# shellcheck shell=bash
# The short sale that ends ops/up: the load generator against the front door, then what came of it.

# Requests a second. Everything runs on one machine, which more would only fill with waiting.
sale_rate_default() {
    local processors
    processors=$(nproc)
    echo $((processors < 5 ? processors * 400 : 2000))
}

sale_rate=${WEIR_SALE_RATE:-$(sale_rate_default)}
sale_users=200000

# sale_run SECONDS
sale_run() {
    local log="$WEIR_VAR/log/sale.log" report=(/usr/bin/python3 "$stack_dir/sale_report.py" "$WEIR_VAR/stack.env")
    "${report[@]}" before "$WEIR_VAR/run/sale-before.json" || die "the stored totals could not be read before the sale"
    say "a sale of $1 s at $sale_rate requests/s: normal 5, hot rooms 3, queries over all shards 1, admin 1"
    "$WEIR_BIN/weir-storm" --url "http://127.0.0.1:$(port_of haproxy)" --scenario mix --rate "$sale_rate" --seconds "$1" \
        --users "$sale_users" --seed "$((16#$(random_hex 3)))" \
        --json "$WEIR_VAR/run/sale.json" --history "$WEIR_VAR/run/sale-history.jsonl" >"$log" ||
        die "the sale failed; its log is $log"
    "${report[@]}" after "$WEIR_VAR/run/sale-before.json" "$WEIR_VAR/run/sale.json" "$WEIR_VAR/run/sale-history.jsonl" ||
        die "the sale's outcome is not what it should be; see above, and $WEIR_VAR/log"
}
