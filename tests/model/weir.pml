/* One coupon's grabs: RESERVE, APPEND, REPLY, SETTLE, the sweep and the rebuild.
 *
 *     Request   RESERVE -> APPEND -> answer -> SETTLE | CONFIRM | RELEASE          protocol/grab.h
 *     Keeper    a pending grab -> sweep;  no valid mark -> rebuild                 protocol/sweep.h, protocol/rebuild.h
 *     World     Redis restarts (empty, old, kept) or is flushed; records in flight land or not; late RESERVEs run
 *     Rest      when nothing can move any more: everything must have come to its end
 *
 * Without switches this is the protocol of the code. Each switch takes one clause away, or makes a plain mistake, so that a
 * run with it must fail; configs.tsv has the sizes and what each switch breaks.
 *
 *   -DREPLAY_SUCCESS        a second try that finds a pending claim is answered success
 *   -DREPLAY_UNSHOWN        RELEASE of a grab whose id a second request was told
 *   -DCONFIRM_BLIND         CONFIRM looks at the grab's mark alone, not at the coupon's
 *   -DSCRIPTS_BLIND         so do SETTLE, RELEASE and the sweep's last step
 *   -DRETRY_SAME_ID         a RESERVE without an answer is sent again with the same grab_id
 *   -DRESERVE_202           a RESERVE without an answer is answered "unknown"
 *   -DSTATUS_BY_ROW         only a row can end an unknown, not a BARRIER
 *   -DRELEASE_ON_POSSIBLY   RELEASE of a grab whose record is possibly persisted
 *   -DSUCCESS_EARLY         success before the delivery report
 *   -DEARLY_UNCHECKED       success without CONFIRM, however late
 *   -DSWEEP_STEPPED         the sweep trusts Redis's wall clock, which was stepped, and appends CANCEL at once
 *   -DMARKS_KEPT            a rebuild leaves old pending marks
 *   -DCLAIMS_FORGOTTEN      a rebuild does not write claims
 *   -DSTOCK_FROM_TOTAL      a rebuild takes the stock from the configured total
 *   -DBARRIER_AT_ONCE       a rebuild does not wait half the hold
 *   -DNO_BARRIER            a rebuild appends no BARRIER
 *   -DBARRIER_LATEST        the latest BARRIER decides, not the highest
 *   -DNO_RECHECK            no look at the catalog's epoch between close and open
 *   -DNO_SENTINEL           a key of the coupon that is lost is taken for empty (with -DLOSSES=1)
 *   -DSENTINEL_LATE         a rebuild puts the claims' sentinel there at its end only (with -DLOSSES=1)
 *   -DREBUILD_BLIND         a rebuild closes without an epoch, before the raise, and writes whatever the mark says
 *
 * Abstractions, all on the side of more behaviours:
 *  - A record decides its row when it lands in the log: the fold is a function of the log's order alone, so a worker that
 *    lags, a replay or the second layout see the same row later. A rebuild sees the OK rows up to its own BARRIER.
 *  - Time has no clock. `late` holds the grabs for which half the hold has surely passed since RESERVE was sent. A waiting
 *    keeper takes the set `sent` when its wait begins and adds it to `late` when the wait ends. An ingest whose grab is not
 *    late may still measure either. That is exactly what two clocks that run at one rate can show, pair by pair.
 *  - A stopped process is one that is not scheduled; a crash drops what it knew. A script that its sender gave up and that
 *    runs later is a process that was stopped before it; a further keeper stands for the sender that went on.
 *  - Redis runs a script at once or never; a RESERVE that its ingest gave up may run later, as long as that Redis lives.
 *  - A settled grab is SETT here; in Redis it has a claim and no pending mark.
 */
#ifndef NG
#define NG 3            /* requests = grab ids */
#endif
#ifndef NU
#define NU 2            /* users */
#endif
#ifndef NP
#define NP 1            /* partitions */
#endif
#ifndef TOTAL
#define TOTAL 1         /* stock */
#endif
#ifndef KEEPERS
#define KEEPERS 1
#endif
#ifndef RESTARTS
#define RESTARTS 1      /* of Redis, under another run id; the data are lost, old or kept */
#endif
#ifndef FLUSHES
#define FLUSHES 0       /* the data are lost under the same run id */
#endif
#ifndef SAVES
#define SAVES 1         /* snapshots that a restart may bring back */
#endif
#ifndef CRASHES
#define CRASHES 1       /* of keepers */
#endif
#ifndef OTHERS
#define OTHERS 0        /* rebuilds while this coupon is open: another coupon needs one, or a keeper's look was old */
#endif
#ifndef LOSSES
#define LOSSES 0        /* single keys of the coupon that are lost */
#endif
#ifndef MAXE
#define MAXE 3          /* epochs; the first sale is epoch 1 */
#endif
#define USER(i) ((i) % NU)
#define PART(u) ((u) % NP)
#define BIT(i)  (1 << (i))
#define NONE 9

/* the coupon's mark in Redis */
#define MISSING 0
#define OPEN 1
#define BUILD 2
/* a grab in Redis */
#define FREE 0
#define PEND 1
#define SHOWN 2         /* pending, and its id was told to a second request */
#define CANC 3
#define SETT 4
/* a grab's row */
#define OK 1
#define VOID 2

/* the coupon's other keys: each carries the mark's epoch as its sentinel */
#define STOCK_KEY 1
#define CLAIMS_KEY 2
#define PENDING_KEY 4
#define ALL_KEYS 7

typedef Data {
  byte st; byte ep; byte rid; byte left; byte claim[NU]; byte mk[NG]
#if LOSSES > 0
  ; byte keys
#endif
};
Data R;                 /* Redis now */
Data S;                 /* a snapshot of it */
bit  has_s;
byte rid = 1;           /* run id of the Redis that lives */
byte cat = 1;           /* epoch in the catalog */
byte bar[NP];           /* the BARRIER that decides in each partition, so far in its log */
byte row[NG];
byte gep[NG];           /* epoch that the grab's RESERVE compared */
byte sent, late;        /* sets of grabs */
byte succ, refu, unkn;  /* answers, by grab */
byte infl, inflc;       /* GRAB and CANCEL records possibly persisted */
byte lrsv;              /* RESERVEs given up by their ingest, still on their way */
byte restarts = RESTARTS, flushes = FLUSHES, saves = SAVES, crashes = CRASHES, others = OTHERS, losses = LOSSES;
hidden byte xi; hidden byte xj; hidden byte xn;

/* What a script compares; and what the keeper does: it knows the catalog's epoch too. */
#if LOSSES > 0 && !defined(NO_SENTINEL)
#define WHOLE (R.keys == ALL_KEYS)
#else
#define WHOLE 1
#endif
#define VALID (R.st == OPEN && R.rid == rid && WHOLE)
#define SOUND (VALID && R.ep == cat)

/* ---- what must hold in every state, looked at after each landing and answer ---- */

inline check() {
  d_step {
    xn = 0; xi = 0;
    do
    :: xi < NG ->
         if :: row[xi] == OK -> xn++ :: else fi;
         assert(!(row[xi] == VOID && (succ & BIT(xi))));        /* I2 */
         assert(!(row[xi] == OK && (refu & BIT(xi))));          /* I3 */
         xj = xi + 1;
         do
         :: xj < NG ->
              assert(!(row[xi] == OK && row[xj] == OK && USER(xi) == USER(xj)));        /* I6 */
              xj++
         :: else -> break
         od;
         xi++
    :: else -> break
    od;
    assert(xn <= TOTAL);                                        /* I1 */
    xn = 0; xi = 0; xj = 0
  }
  xi = 0        /* not a d_step at the end: spin would run the next atomic in the same breath */
}

/* ---- the log and its fold ---- */

inline land(i) {        /* a GRAB */
  if
  :: row[i] == 0 ->
       if :: gep[i] < bar[PART(USER(i))] -> row[i] = VOID :: else -> row[i] = OK fi
  :: else
  fi;
  check()
}

inline land_cancel(i) { if :: row[i] == 0 -> row[i] = VOID :: else fi; check() }

inline land_barrier(u, e) {
#ifdef NO_BARRIER
  skip
#else
#ifdef BARRIER_LATEST
  bar[u] = e
#else
  if :: bar[u] < e -> bar[u] = e :: else fi
#endif
#endif
}

/* ---- Redis: its data as a whole ---- */

inline wipe() {
  d_step {
    R.st = MISSING; R.ep = 0; R.rid = 0; R.left = 0; xi = 0;
#if LOSSES > 0
    R.keys = 0;
#endif
    do :: xi < NU -> R.claim[xi] = NONE; xi++ :: else -> break od; xi = 0;
    do :: xi < NG -> R.mk[xi] = FREE; xi++ :: else -> break od; xi = 0
  };
  xi = 0
}

inline clear_data() {
  d_step {
    R.left = 0; xi = 0;
    do :: xi < NU -> R.claim[xi] = NONE; xi++ :: else -> break od; xi = 0;
#ifndef MARKS_KEPT
    do :: xi < NG -> R.mk[xi] = FREE; xi++ :: else -> break od;
#endif
    xi = 0
  };
  xi = 0
}

inline copy(to, from) {
  d_step {
    to.st = from.st; to.ep = from.ep; to.rid = from.rid; to.left = from.left; xi = 0;
#if LOSSES > 0
    to.keys = from.keys;
#endif
    do :: xi < NU -> to.claim[xi] = from.claim[xi]; xi++ :: else -> break od; xi = 0;
    do :: xi < NG -> to.mk[xi] = from.mk[xi]; xi++ :: else -> break od; xi = 0
  };
  xi = 0
}

/* One key is deleted. A pending mark that is gone looks like a settled grab's. */
inline lose_stock() { R.left = 0; R.keys = R.keys & ~STOCK_KEY }
inline lose_claims() {
  d_step { xi = 0; do :: xi < NU -> R.claim[xi] = NONE; xi++ :: else -> break od; xi = 0; R.keys = R.keys & ~CLAIMS_KEY };
  xi = 0
}
inline lose_pending() {
  d_step {
    xi = 0;
    do :: xi < NG -> if :: R.mk[xi] != FREE -> R.mk[xi] = (R.claim[USER(xi)] == xi -> SETT : FREE) :: else fi; xi++ :: else -> break od;
    xi = 0; R.keys = R.keys & ~PENDING_KEY
  };
  xi = 0
}

/* The sentinel of the claims is there from the moment that they may be written, the others from the end. */
#if LOSSES > 0
#ifdef SENTINEL_LATE
#define KEYS_CLOSED 0
#define CLAIMS_SOUND 1
#else
#define KEYS_CLOSED CLAIMS_KEY
#define CLAIMS_SOUND (R.keys & CLAIMS_KEY)
#endif
#define SET_KEYS(k) R.keys = k
#else
#define CLAIMS_SOUND 1
#define SET_KEYS(k) skip
#endif

/* ---- Redis: the scripts ---- */

/* reserve.lua. res: 0 no valid mark, 1 taken, 2 refused, 3 an existing claim that is pending, 4 one that is settled */
inline reserve(i) {
  if
  :: !VALID -> res = 0
  :: VALID && R.claim[USER(i)] != NONE ->
       old = R.claim[USER(i)]; res = (R.mk[old] == SETT -> 4 : 3);
#ifndef REPLAY_UNSHOWN
       if :: R.mk[old] == PEND -> R.mk[old] = SHOWN :: else fi
#endif
  :: VALID && R.claim[USER(i)] == NONE && R.left == 0 -> res = 2
  :: VALID && R.claim[USER(i)] == NONE && R.left > 0 ->
       R.left--; R.claim[USER(i)] = i; R.mk[i] = PEND; gep[i] = R.ep; res = 1
  fi
}

/* The epoch that all other scripts of a grab compare is the one that its RESERVE found in the mark. */
#ifdef SCRIPTS_BLIND
#define SAME(e) (1)
#else
#define SAME(e) (VALID && R.ep == (e))
#endif
#ifdef CONFIRM_BLIND
#define SAME_CONFIRM(e) (1)
#else
#define SAME_CONFIRM(e) SAME(e)
#endif

inline give_back(i) { R.mk[i] = FREE; R.left++; if :: R.claim[USER(i)] == i -> R.claim[USER(i)] = NONE :: else fi }

inline late_reserve(i) {        /* its sender is gone: nobody reads what it answers */
  lrsv = lrsv & ~BIT(i);
  if
  :: VALID && R.claim[USER(i)] == NONE && R.left > 0 ->
       R.left--; R.claim[USER(i)] = i; R.mk[i] = PEND; gep[i] = R.ep
  :: VALID && R.claim[USER(i)] != NONE ->
       xi = R.claim[USER(i)];
       if :: R.mk[xi] == PEND -> R.mk[xi] = SHOWN :: else fi;
       xi = 0
  :: else
  fi
}

/* ---- ingest ---- */

#ifdef RESERVE_202
#define UNANSWERED(i) unkn = unkn | BIT(i); if :: gep[i] == 0 -> gep[i] = R.ep :: else fi
#else
#define UNANSWERED(i) refu = refu | BIT(i); check()
#endif

proctype Request(byte i) {
  byte rn, res, old;
  atomic { rn = rid }                                  /* connect: learn the run id */
  atomic { sent = sent | BIT(i) }                      /* read CLOCK_BOOTTIME, send */
#ifdef RETRY_SAME_ID
again:
  skip;
#endif
  if
  :: atomic { rid == rn -> reserve(i) }
  :: atomic { rid == rn -> reserve(i);                 /* it ran, its answer is lost */
#ifdef RETRY_SAME_ID
       if :: goto again :: skip fi;
#endif
       UNANSWERED(i); goto dead }
  :: atomic { rid == rn -> lrsv = lrsv | BIT(i);       /* given up; it may run later */
       UNANSWERED(i); goto dead }
  :: atomic { rid != rn -> UNANSWERED(i); goto dead }  /* the connection broke */
  fi;
  if
  :: atomic { res == 0 || res == 2 -> refu = refu | BIT(i); check(); goto dead }
#ifdef RETRY_SAME_ID
  :: atomic { res == 3 && old == i -> res = 1 }
#endif
  :: atomic { res == 3 ->                              /* asked again for a while; then the existing grab's place */
#ifdef REPLAY_SUCCESS
       succ = succ | BIT(old);
#else
       unkn = unkn | BIT(old);
#endif
       refu = refu | BIT(i); check(); goto dead }      /* this request's own id is never used */
  :: atomic { res == 4 -> succ = succ | BIT(old); assert(row[old] == OK);      /* I2: replayed */
       refu = refu | BIT(i); check(); goto dead }
  :: atomic { res == 1 -> skip }
  fi;
#ifdef SUCCESS_EARLY
  atomic { succ = succ | BIT(i) };
#endif
  if
  :: goto dead                                         /* crash after RESERVE */
  :: atomic { skip -> land(i) }                        /* persisted */
  :: atomic { infl = infl | BIT(i); unkn = unkn | BIT(i); goto dead }   /* possibly persisted; crash with it in flight */
#ifdef RELEASE_ON_POSSIBLY
  :: atomic { infl = infl | BIT(i); if :: SAME(gep[i]) && R.mk[i] == PEND -> give_back(i) :: else fi; goto dead }
#endif
  :: skip;                                             /* certainly not persisted */
       atomic {
         if :: SAME(gep[i]) && R.mk[i] == PEND -> give_back(i) :: else fi;
         refu = refu | BIT(i); check(); goto dead
       }
  :: atomic { refu = refu | BIT(i); check(); goto dead }   /* the same, and RELEASE never came through */
  fi;
  if
#ifdef EARLY_UNCHECKED
  :: atomic { succ = succ | BIT(i); check() }
#else
  :: atomic { !(late & BIT(i)) -> succ = succ | BIT(i); check() }
#endif
  :: atomic { skip ->                                  /* CONFIRM */
       if
       :: SAME_CONFIRM(gep[i]) && (R.mk[i] == PEND || R.mk[i] == SHOWN) ->
            R.mk[i] = SETT;
            if :: succ = succ | BIT(i) :: unkn = unkn | BIT(i) fi;      /* its answer may be lost */
            check(); goto dead
       :: else -> unkn = unkn | BIT(i); goto dead
       fi }
  :: goto dead                                         /* crash before the answer */
  fi;
  if
  :: atomic { skip ->                                  /* SETTLE */
       if :: SAME(gep[i]) && (R.mk[i] == PEND || R.mk[i] == SHOWN) -> R.mk[i] = SETT :: else fi }
  :: skip                                              /* crash before it */
  fi;
dead:
  atomic { rn = 0; res = 0; old = 0 }
}

/* ---- the keeper ---- */

#define OVERDUE(x) (VALID && (R.mk[x] == PEND || R.mk[x] == SHOWN || R.mk[x] == CANC))
#define CRASH :: atomic { crashes > 0 -> crashes--; goto end_top }

inline begin_cancel(x) { g = x; E = R.ep; R.mk[x] = CANC; sm = sent }    /* cancel.lua */

proctype Keeper() {
  byte g, E, kr, ok, sm, u;
#if NP > 1
  byte p;
#endif
end_top:
  atomic { g = 0; E = 0; kr = 0; ok = 0; sm = 0; u = 0; }
#if NP > 1
  atomic { p = 0 }
#endif
end_idle:
  if
  :: atomic { OVERDUE(0) -> begin_cancel(0); goto sweep }
#if NG > 1
  :: atomic { OVERDUE(1) -> begin_cancel(1); goto sweep }
#endif
#if NG > 2
  :: atomic { OVERDUE(2) -> begin_cancel(2); goto sweep }
#endif
#ifdef REBUILD_BLIND
  :: atomic { !VALID && cat < MAXE -> if :: R.st != MISSING -> R.st = BUILD :: else fi; kr = rid }
     atomic { cat++; E = cat; sm = sent }
#else
  :: atomic { !SOUND && cat < MAXE -> cat++; E = cat }
#if OTHERS > 0
  :: atomic { others > 0 && cat < MAXE -> others--; cat++; E = cat }
#endif
#endif
  fi;

  /* rebuild: CLOSE (building.lua), after the epoch was raised */
#ifndef REBUILD_BLIND
  if
  :: atomic { R.st == MISSING || R.ep < E ->
       R.st = BUILD; R.ep = E; R.rid = rid; kr = rid; clear_data(); SET_KEYS(KEYS_CLOSED); sm = sent }
  :: atomic { !(R.st == MISSING || R.ep < E) -> goto end_top }
  CRASH
  fi;
#endif
  /* WAIT */
  if
#ifdef BARRIER_AT_ONCE
  :: atomic { sm = 0 }
#else
  :: atomic { late = late | sm; sm = 0 }               /* half the hold has passed */
#endif
  CRASH
  fi;
  /* BARRIER and FOLD, partition by partition */
  u = 0;
  do
  :: atomic { u < NP ->
       land_barrier(u, E);
       xi = 0;
       do
       :: xi < NG -> if :: PART(USER(xi)) == u && row[xi] == OK -> ok = ok | BIT(xi) :: else fi; xi++
       :: else -> break
       od;
       xi = 0; u++ }
  :: atomic { u == NP -> u = 0; break }
  CRASH
  od;
  /* The partitions may be taken in parts, each one's LOOK before its CLAIMS: what a fold finds was decided when its BARRIER landed. */
#if NP > 1
part:
  skip;
#endif
  /* LOOK */
#ifndef REBUILD_BLIND
#ifndef NO_RECHECK
  if :: atomic { cat == E -> skip } :: atomic { cat != E -> goto end_top } fi;
#endif
#define MINE (R.st == BUILD && R.ep == E && R.rid == rid && CLAIMS_SOUND)
#else
  atomic { clear_data() };
#define MINE 1
#endif
  /* CLAIMS (claims.lua), user by user */
  do
  :: atomic { u < NU ->
       if
       :: MINE ->
            xi = 0;
            do
            :: xi < NG ->
#ifndef CLAIMS_FORGOTTEN
                 if :: USER(xi) == u && (ok & BIT(xi)) -> R.claim[u] = xi; R.mk[xi] = SETT :: else fi;
#endif
                 xi++
            :: else -> break
            od;
            xi = 0; u = u + NP
       :: else -> goto end_top
       fi }
#if NP > 1
  :: atomic { u >= NU && p < NP - 1 -> p++; u = p; goto part }
  :: atomic { u >= NU && p == NP - 1 -> p = 0; break }
#else
  :: atomic { u >= NU -> break }
#endif
  CRASH
  od;
  /* OPEN (open.lua) */
  atomic {
    if
    :: MINE ->
         xi = 0; xn = 0;
         do :: xi < NG -> if :: ok & BIT(xi) -> xn++ :: else fi; xi++ :: else -> break od;
#ifdef STOCK_FROM_TOTAL
         xn = 0;
#endif
         R.left = TOTAL - xn; R.st = OPEN; R.ep = E; R.rid = rid; SET_KEYS(ALL_KEYS); xi = 0; xn = 0
    :: else
    fi;
    goto end_top
  }

sweep:
  skip;         /* spin: a goto from one atomic into another keeps the floor */
  /* WAIT: half the hold since the compare-and-set, by the keeper's own clock */
#ifndef SWEEP_STEPPED
  if :: atomic { late = late | sm; sm = 0 } CRASH fi;
#endif
  /* APPEND, until persisted; a crash may leave it in flight */
  if
  :: atomic { skip -> land_cancel(g) }
  :: atomic { crashes > 0 -> crashes--; inflc = inflc | BIT(g); goto end_top }
  fi;
  /* FOLD and FINISH (finish.lua) */
  if
  :: atomic { skip ->
       if
       :: SAME(E) && R.mk[g] == CANC -> if :: row[g] == VOID -> give_back(g) :: else -> R.mk[g] = SETT fi
       :: else
       fi; goto end_top }
  CRASH
  fi
}

/* ---- the world ---- */

#define IN_FLIGHT(i) \
  :: atomic { infl & BIT(i) -> infl = infl & ~BIT(i); land(i) } \
  :: atomic { infl & BIT(i) -> infl = infl & ~BIT(i) } \
  :: atomic { inflc & BIT(i) -> inflc = inflc & ~BIT(i); land_cancel(i) } \
  :: atomic { inflc & BIT(i) -> inflc = inflc & ~BIT(i) } \
  :: atomic { lrsv & BIT(i) -> if :: rid == 1 -> late_reserve(i) :: lrsv = lrsv & ~BIT(i) fi }

proctype World() {
end_world:
  do
  :: atomic { saves > 0 -> saves--; copy(S, R); has_s = 1 }
  :: atomic { restarts > 0 -> restarts--; rid++; if :: wipe() :: has_s -> copy(R, S) :: skip fi }
  :: atomic { flushes > 0 -> flushes--; wipe() }
#if LOSSES > 0
  :: atomic { losses > 0 -> losses--;
       if :: lose_stock() :: lose_claims() :: lose_pending() :: R.st = MISSING; R.ep = 0; R.rid = 0 fi }
#endif
  IN_FLIGHT(0)
#if NG > 1
  IN_FLIGHT(1)
#endif
#if NG > 2
  IN_FLIGHT(2)
#endif
  od
}

/* ---- the quiet end ---- */

proctype Rest() {
  byte n;
  timeout ->
  atomic {
    assert(SOUND || cat == MAXE);                      /* I14: closed for ever only when this model ran out of epochs */
    if
    :: VALID ->
         xi = 0; n = 0;
         do
         :: xi < NG ->
              if :: row[xi] == OK -> n++ :: else fi;
              assert(R.mk[xi] == FREE || R.mk[xi] == SETT);                            /* I5: nothing pending */
              assert(!(succ & BIT(xi)) || row[xi] == OK);                              /* I2 */
#ifdef STATUS_BY_ROW
              assert(!(unkn & BIT(xi)) || row[xi] != 0);                               /* I4 */
#else
              assert(!(unkn & BIT(xi)) || row[xi] != 0 || gep[xi] < bar[PART(USER(xi))]);      /* I4 */
#endif
              assert(!(row[xi] == OK) || R.claim[USER(xi)] == xi);                     /* I6: the same try gets the same grab */
              xi++
         :: else -> break
         od;
         assert(R.left + n == TOTAL)                                                   /* I5, I13 */
    :: else
    fi
  }
}

init {
  atomic {
    wipe(); copy(S, R);
    R.st = OPEN; R.ep = 1; R.rid = 1; R.left = TOTAL; SET_KEYS(ALL_KEYS);
    run Request(0);
#if NG > 1
    run Request(1);
#endif
#if NG > 2
    run Request(2);
#endif
    run Keeper();
#if KEEPERS > 1
    run Keeper();
#endif
    run World();
    run Rest()
  }
}
