/* Grab ids: spans of a node's id time, leased from the catalog; ids are unique whatever the clocks do.
 *
 *     Holder   leases a span while one is in use (ingest/id_lease.c), makes ids in it (protocol/ids.c), is killed or stops, and is
 *              started anew; one that stops has made its last id before it gives back what it did not use
 *
 * A clock is not modelled: each reading of it may say anything, so it steps, stands still and runs as it likes. A stopped
 * process is one that is not scheduled, so an old holder of a node wakes beside a new one at any time. A lease without an answer
 * is a span that nobody uses. Time is TICKS long; an id is a tick, a node and a sequence number.
 *
 *   -DSPANS_OVERLAP        a new span begins at the clock, not behind the node's last one
 *   -DCLOCK_OUTSIDE_SPAN   an id is dated by the clock, also where that has left the span
 *   -DLEASE_UNLOCKED       the lease's row is read and written in two transactions
 *   -DCLOCK_BACK           an id is dated by the clock, also where that was stepped back inside the span
 *   -DSPAN_PASSED          the next span is entered though the clock is past its end
 *   -DGIVE_LAST            the tick of the last id is given back too
 *   -DGIVE_BLIND           what is given back is written though the node was leased again since
 *   -DGIVE_EARLY           it is given back while ids are still made
 */
#ifndef TICKS
#define TICKS 6
#endif
#ifndef SPAN
#define SPAN 2          /* ticks of a span */
#endif
#ifndef NODES
#define NODES 1
#endif
#ifndef HOLDERS
#define HOLDERS 2
#endif
#ifndef SEQUENCES
#define SEQUENCES 2     /* ids of one tick and node */
#endif
#ifndef KILLS
#define KILLS 1         /* of each holder */
#endif

typedef Node { byte end; bool used[(TICKS + 1) * SEQUENCES] };  /* end: of the last span leased; used: ids that were made */
Node node[NODES];
hidden byte i;

inline read_clock(now) { now = 0; do :: now < TICKS - 1 -> now++ :: break od }

inline make(tick) {
  assert(!node[n].used[tick * SEQUENCES + seq]);       /* I6: no id twice */
  node[n].used[tick * SEQUENCES + seq] = true;
  seq++;
  if :: seq == SEQUENCES -> seq = 0; last++ :: else fi          /* this tick is used up: run ahead of the clock */
}

/* A span begins at the node's last end or now, whichever is later, and reaches a whole length past what the taker has. */
#ifdef SPANS_OVERLAP
#define BEGIN now
#else
#define BEGIN (seen > now -> seen : now)
#endif

/* sql_lease_pick: any node, for the one that was leased least may be locked by another taker. */
inline lease_read() { read_clock(now); next_n = 0; do :: next_n < NODES - 1 -> next_n++ :: break od; seen = node[next_n].end }

/* id_lease_span and sql_lease_take. */
inline lease_take() {
  next_begin = BEGIN;
  next_end = ((has && end > next_begin) -> end : next_begin) + SPAN;
  if
  :: next_end <= TICKS ->
       if :: node[next_n].end < next_end -> node[next_n].end = next_end :: else fi;
       if :: has_next = true :: next_begin = 0; next_end = 0; next_n = 0 fi   /* the answer comes, or is lost */
  :: else -> next_begin = 0; next_end = 0; next_n = 0   /* past the time that ids can name: refused */
  fi;
  seen = 0; now = 0
}

/* maker_enter_span: the next one only when the one in use can make no id now. */
inline enter() {
  n = next_n; begin = next_begin; end = next_end; has = true; last = begin; seq = 0;
  has_next = false; next_n = 0; next_begin = 0; next_end = 0
}

/* id_maker_give and sql_lease_give: `from` on is unused of the span that ends at `to`. */
#ifdef GIVE_BLIND
#define STILL_MINE true
#else
#define STILL_MINE node[whose].end == to
#endif
inline give(whose, from, to) {
  if
  :: from < to && STILL_MINE -> node[whose].end = from
  :: true -> skip                                       /* the catalog is away, or the holder is killed here */
  fi
}
#ifdef GIVE_LAST
#define UNUSED last
#else
#define UNUSED (last + 1)
#endif

proctype Holder() {
  byte now, seen, last, seq;
  byte n, begin, end, next_n, next_begin, next_end;
  bool has, has_next;
  byte kills = KILLS;
end_holder:
  do
  :: atomic { !has_next && (!has || end < TICKS) -> skip };
#ifdef LEASE_UNLOCKED
       atomic { lease_read() };
       atomic { lease_take() }
#else
       atomic { lease_read(); lease_take() }
#endif
  :: atomic { has || has_next ->                        /* id_make */
       read_clock(now);
       if
#ifdef CLOCK_OUTSIDE_SPAN
       :: has && last < TICKS -> skip
#else
       :: has && now < end && last < end -> skip
#endif
#ifdef SPAN_PASSED
       :: !(has && now < end && last < end) && has_next -> enter()
#else
       :: !(has && now < end && last < end) && has_next && now < next_end -> enter()
#endif
       :: else -> now = 0; goto next                    /* no span covers this moment: no id */
       fi;
#ifdef CLOCK_BACK
       if :: now >= begin && now != last -> last = now; seq = 0 :: else fi;
#else
       if :: now > last -> last = now; seq = 0 :: else fi;
#endif
#ifndef CLOCK_OUTSIDE_SPAN
       assert(last >= begin && last < end);            /* I6: inside the span */
#endif
       make(last);
       now = 0 }
#ifdef GIVE_EARLY
  :: atomic { has_next -> give(next_n, next_begin, next_end) }
  :: atomic { has -> give(n, UNUSED, end) }
#endif
  :: atomic { kills > 0 -> skip };                      /* killed, or stopped, and started anew */
       atomic { if :: has_next -> give(next_n, next_begin, next_end) :: else fi; next_begin = 0; next_end = 0; next_n = 0; has_next = false };
       atomic { if :: has -> give(n, UNUSED, end) :: else fi;
       kills--; has = false; has_next = false; now = 0; seen = 0; last = 0; seq = 0;
       n = 0; begin = 0; end = 0; next_n = 0; next_begin = 0; next_end = 0 }
  od;
next:
  goto end_holder
}

init {
  atomic { i = 0; do :: i < HOLDERS -> run Holder(); i++ :: else -> break od; i = 0 }
}
