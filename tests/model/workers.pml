/* A worker's transaction: rows, counts and progress move together, by compare-and-set on the old offset and the owner.
 *
 *     Worker     own (a fresh token) -> read a batch -> transaction -> lost answer: ask progress   workers/lanes.c, transaction.c
 *     World      a shard fails over to a lagging replica; a worker is stopped, or its batch is cut off
 *
 * One partition of a fixed log: GRABs and CANCELs of two ids, and a BARRIER. Two workers have it one after another or, when one
 * was stopped, believe that both have it: a zombie is a worker that is scheduled again after another one took over. A transaction
 * ends in one step: the lock on the progress row makes it so. A replica is an earlier state of the shard, progress, owner, rows and
 * counts together. After each commit the rows and counts must be those of the fold of the log up to progress.
 *
 *   -DNO_OWNER           the compare-and-set leaves out the owner
 *   -DNO_OFFSET          the compare-and-set leaves out the offset: a batch that is sent again is stored again
 *   -DOFFSET_FIRST       the offset is committed before the rows
 *   -DROWS_FIRST         the rows are committed before the offset
 *   -DIGNORE             a row that is there already is skipped in silence, and counted as stored
 *   -DLAST_WINS          the last record of an id decides
 *   -DBARRIER_UNSEEN     a worker that takes over does not read the BARRIER's epoch from progress
 *   -DOUTAGE_IS_DEAD     a batch that meets an outage becomes dead letters
 */
#ifndef BATCH
#define BATCH 2         /* records a transaction */
#endif
#ifndef OWNS
#define OWNS 2          /* assignments of each worker */
#endif
#ifndef FAILOVERS
#define FAILOVERS 1
#endif
#ifndef SAVES
#define SAVES 1         /* moments at which the replica catches up */
#endif
#ifndef OUTAGES
#define OUTAGES 1
#endif
#define RECORDS 6
#define OK 1
#define VOID 2
#define NOBODY 9

/* The log: id 0 is grabbed and then cancelled; id 1 is cancelled and then grabbed, under epoch 1; a BARRIER of epoch 2; id 2 is
 * grabbed under epoch 1, too late. */
#define KIND_GRAB(k) ((k) == 0 || (k) == 3 || (k) == 5)
#define KIND_BARRIER(k) ((k) == 4)
#define ID(k) ((k) < 2 -> 0 : ((k) < 4 -> 1 : 2))

typedef Shard { byte next; byte owner; byte epoch; byte row[3]; byte ok; byte voided; byte other; byte dead };
Shard D;                /* the primary */
Shard S;                /* its replica, as far as it has come */
bit has_s;
byte token = 1;         /* the next fresh owner token */
byte latest = NOBODY;   /* the token that was set last, in the history that the primary has */
byte saved_latest = NOBODY;
byte failovers = FAILOVERS, saves = SAVES, outages = OUTAGES;
hidden byte k; hidden byte n;
hidden byte want_row[3]; hidden byte want_ok; hidden byte want_void; hidden byte want_epoch;

/* protocol/fold.c over the records from..to, into the primary. */
inline fold(from, to) {
  k = from;
  do
  :: k < to ->
       if
       :: KIND_BARRIER(k) -> D.epoch = 2; D.other++
       :: !KIND_BARRIER(k) && D.row[ID(k)] != 0 ->     /* a duplicate */
#ifdef LAST_WINS
            D.row[ID(k)] = (KIND_GRAB(k) -> OK : VOID);
#endif
#ifdef IGNORE
            if :: KIND_GRAB(k) -> D.ok++ :: else -> D.voided++ fi
#else
            D.other++
#endif
       :: !KIND_BARRIER(k) && D.row[ID(k)] == 0 ->
            if
            :: KIND_GRAB(k) && D.epoch < 2 -> D.row[ID(k)] = OK; D.ok++
            :: else -> D.row[ID(k)] = VOID; D.voided++
            fi
       fi;
       k++
  :: else -> break
  od;
  k = 0
}

/* The fold of this log, written down: what must be there at progress `next`. */
inline check() {
  d_step {
    want_row[0] = (D.next > 0 -> OK : 0);
    want_row[1] = (D.next > 2 -> VOID : 0);
    want_row[2] = (D.next > 5 -> VOID : 0);
    want_ok = (D.next > 0 -> 1 : 0);
    want_void = (D.next > 2 -> 1 : 0) + (D.next > 5 -> 1 : 0);
    want_epoch = (D.next > 4 -> 2 : 1);
    assert(D.row[0] == want_row[0] && D.row[1] == want_row[1] && D.row[2] == want_row[2]);      /* I7 */
    assert(D.ok == want_ok && D.voided == want_void);                                           /* I7, I8 */
    assert(D.ok + D.voided + D.other + D.dead == D.next);                                       /* I8 */
    assert(D.epoch == want_epoch);                                                              /* I7 */
    want_row[0] = 0; want_row[1] = 0; want_row[2] = 0; want_ok = 0; want_void = 0; want_epoch = 0
  }
}

inline copy(to, from) {
  d_step {
    to.next = from.next; to.owner = from.owner; to.epoch = from.epoch; to.row[0] = from.row[0]; to.row[1] = from.row[1];
    to.row[2] = from.row[2]; to.ok = from.ok; to.voided = from.voided; to.other = from.other; to.dead = from.dead
  }
}

#ifdef NO_OWNER
#define OURS 1
#else
#define OURS (D.owner == me)
#endif
#ifdef NO_OFFSET
#define THERE 1
#else
#define THERE (D.next == at)
#endif

/* The worker folds with the epoch that it has in mind, and progress takes it over. */
inline store_rows() { D.epoch = epoch; fold(at, end); epoch = D.epoch }
inline store_offset() { if :: D.next < end -> D.next = end :: else fi }

proctype Worker() {
  byte me = NOBODY, at, end, epoch, owns = OWNS;
again:
  skip;
end_unassigned:
  do
  :: atomic { owns > 0 ->                              /* assigned: a fresh token into progress, and what it says */
       owns--; me = token; token++; D.owner = me; latest = me;
       at = D.next;
#ifdef BARRIER_UNSEEN
       epoch = 1;
#else
       epoch = D.epoch;
#endif
       goto running }
  od;
running:
  skip;
end_running:
  do
  :: atomic { at < RECORDS ->                          /* a batch: one record, or as many as there may be */
       if :: end = at + 1 :: at + BATCH <= RECORDS -> end = at + BATCH fi }
store:
     if
     :: atomic { OURS && THERE ->                      /* COMMIT, and its answer */
          assert(me == latest);                        /* I11 */
#ifdef OFFSET_FIRST
          D.next = end }
     atomic { store_rows(); check(); at = end; end = 0 }
#else
#ifdef ROWS_FIRST
          store_rows() }
     atomic { D.next = end; check(); at = end; end = 0 }
#else
          store_rows(); store_offset(); check(); at = end; end = 0 }
#endif
#endif
#ifndef OFFSET_FIRST
#ifndef ROWS_FIRST
     :: atomic { OURS && THERE ->                      /* COMMIT; its answer is lost: progress FOR UPDATE tells */
          assert(me == latest);                        /* I11 */
          store_rows(); store_offset(); check() }
#ifdef NO_OFFSET
     goto store
#else
     goto settle
#endif
#endif
#endif
     :: atomic { !(OURS && THERE) -> goto settle }     /* the compare-and-set does not hold */
     :: atomic { outages > 0 -> outages-- };           /* an outage: rolled back, sent again */
#ifdef OUTAGE_IS_DEAD
        atomic { if :: OURS && THERE -> D.dead = D.dead + (end - at); D.next = end; check() :: else fi };
        goto settle
#else
        goto store
#endif
     fi
  :: atomic { owns > 0 -> owns--; me = token; token++; D.owner = me; latest = me; at = D.next; epoch = D.epoch }      /* assigned anew */
  od;
settle:
  skip;         /* spin: a goto from one atomic into another keeps the floor */
  atomic {
    end = 0;
    if
    :: D.owner == me -> at = D.next; epoch = D.epoch; goto running       /* ours, stored or elsewhere: goes on from there */
    :: D.owner != me -> me = NOBODY; at = 0; epoch = 0; goto again       /* another one's: let go */
    fi
  }
}

proctype World() {
end_world:
  do
  :: atomic { saves > 0 -> saves--; copy(S, D); has_s = 1; saved_latest = latest }
  :: atomic { failovers > 0 && has_s -> failovers--; copy(D, S); latest = saved_latest; check() }
  od
}

init {
  atomic {
    D.owner = NOBODY; D.epoch = 1; S.owner = NOBODY; S.epoch = 1;
    run Worker();
    run Worker();
    run World()
  }
}
