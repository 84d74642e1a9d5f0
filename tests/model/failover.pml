/* A Redis that fails over: the old primary A lives on, cut off together with an ingest; B is promoted and rebuilt.
 *
 * Unit of time: an eighth of the hold. Lease 2 (a quarter), answer without CONFIRM under 4 (half), rebuild waits 8 (the whole).
 * One coupon, stock 1. Grab 0 may be reserved on A before and after the promotion; A's marks are a[], B's are b[].
 * B holds A's data of some earlier moment (replication is asynchronous), with A's run id in its open mark.
 *
 * No program does this yet: it is what ingest's lease and the rebuild's longer wait will have to keep to.
 *
 *   -DCONFIRM_NO_LEASE   a CONFIRM counts without a look at the lease when its answer is in
 *   -DTWO_READINGS       the lease is checked at one moment, RESERVE's time is taken at a later one
 *   -DSWEEP_B            the keeper sweeps B before it is rebuilt
 *   -DWAIT_HALF          the rebuild waits half the hold
 */
#define PEND 1
#define CANC 2
#define SETT 3
#define OK 1
#define VOID 2
#ifdef WAIT_HALF
#define WAIT 4
#else
#define WAIT 8
#endif
#define CAP 9

byte lease = 0;         /* age of the ingest's lease since its renewal was sent; CAP = long gone */
byte age = 0;           /* since RESERVE's time was taken */
byte waited = 0;        /* since the epoch was raised */
byte swept = 0;         /* since B's mark was moved to cancelling */
byte pend_b = 0;        /* since the mark exists, for the sweeper's deadline */
bit aged, raised, sweeping, marked;
byte a, b;              /* marks of the grab on A and on B */
byte epoch = 1;         /* catalog */
bit barrier;
byte row;
bit success;
byte old_ok;            /* OK rows of another grab, that B sells after its rebuild */
byte sold_b;
bit opened;

#define UP(x) if :: x < CAP -> x++ :: else fi

proctype Time() {
end:
  do
  :: atomic { (lease < CAP || (aged && age < CAP) || (raised && waited < CAP) || (sweeping && swept < CAP) || (marked && pend_b < CAP)) ->
       if :: lease < CAP -> lease++ :: else fi;
       if :: aged && age < CAP -> age++ :: else fi;
       if :: raised && waited < CAP -> waited++ :: else fi;
       if :: sweeping && swept < CAP -> swept++ :: else fi;
       if :: marked && pend_b < CAP -> pend_b++ :: else fi }
  od
}

proctype Ingest() {
  byte sent_at;
  /* renewals go on for as long as the catalog still has epoch 1 */
more:
  do
  :: atomic { epoch == 1 -> lease = 0 }
  :: break
  od;
#ifdef TWO_READINGS
  if :: lease < 2 -> skip :: lease >= 2 -> goto out fi;
  atomic { aged = 1; age = 0 };
#else
  if :: atomic { lease < 2 -> aged = 1; age = 0 } :: lease >= 2 -> goto out fi;
#endif
  /* RESERVE runs on A; B may have been given its mark by replication */
  atomic { a = PEND; marked = 1; if :: !opened -> b = PEND :: skip fi };
  /* APPEND, at any later time; renewals go on */
  do
  :: atomic { epoch == 1 -> lease = 0 }
  :: break
  od;
  atomic { if :: row == 0 -> if :: barrier -> row = VOID :: else -> row = OK fi :: else fi };
  do
  :: atomic { epoch == 1 -> lease = 0 }
  :: break
  od;
  if
  :: atomic { age < 4 -> success = 1; assert(row == OK) }      /* I2 */
  :: age >= 4 ->
       if :: atomic { a == PEND -> a = SETT } :: atomic { a != PEND -> goto out } fi;
#ifdef CONFIRM_NO_LEASE
       atomic { success = 1; assert(row == OK) }      /* I2 */
#else
       if :: atomic { lease < 2 -> success = 1; assert(row == OK) } :: lease >= 2 fi      /* I2 */
#endif
  fi;
out:
  skip
}

proctype Keeper() {     /* on B's side */
#ifdef SWEEP_B
  if
  :: atomic { b == PEND && marked && pend_b >= 8 -> b = CANC; sweeping = 1 }
     atomic { swept >= 4 -> if :: row == 0 -> row = VOID :: else fi; assert(!(success && row == VOID)) }      /* I2 */
  :: skip
  fi;
#endif
  atomic { epoch = 2; raised = 1 };
  b = 0;
  waited >= WAIT;
  atomic { barrier = 1; sold_b = (row == OK -> 0 : 1); opened = 1 };      /* B sells what is left */
  assert(!(row == OK && sold_b == 1))      /* I1 */
}

init { atomic { run Time(); run Ingest(); run Keeper() } }
