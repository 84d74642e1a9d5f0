/* Once the faults end, everything comes to rest: the coupon is open, nothing is pending, the workers have no lag.
 *
 *     Keeper    leads -> rebuild when the mark is not valid, sweep when a grab is pending      ingest/keeper_round.c
 *     Worker    reads what was appended
 *     Ingest    a grab, which stays pending when its ingest dies
 *     World     a few faults: Redis is flushed, Kafka goes away and comes back, a keeper is stopped (for ever, or for a while)
 *
 * Under weak fairness: who can always take a step takes one. Safety is the other models' matter; here an epoch is only the name of
 * the keeper that raised it last. A leader's lease ends when it is not renewed, and a running leader renews it in time; a stopped one
 * may wake at any moment and goes on where it was, without it. One that runs and comes no further (Kafka is away, or its own link to it is
 * cut for good) gives it back and lets others take it, and leaves what it cannot append when it leads no more. With -DBOTH_LEAD=1 every keeper leads all the time: the lease is broken.
 *
 * A keeper that another one's rebuild has overtaken rests before it raises again (rebuild_may_raise). Each rest is longer than the one
 * before, so that all but the first few (HASTY) last until the other's rebuild has ended, or longer when that keeper is stopped. One
 * that has left its rebuild by itself was not overtaken, and does not rest (rebuild_stopped).
 *
 *   -DNO_SWEEP             nobody looks at pending grabs
 *   -DKEEPER_GIVES_UP      a keeper that could not append ends
 *   -DWORKER_GIVES_UP      a worker that met an outage ends
 *   -DLEASE_NEVER_ENDS     the lease of a stopped leader is kept for ever
 *   -DSTUCK_LEADS          one that comes no further keeps the lease
 *   -DNO_TURN              with -DBOTH_LEAD: a keeper raises the epoch above another one's rebuild at once, so that each stops the other's
 *   -DLEFT_IS_OVERTAKEN    a rebuild that a keeper left by itself counts as overtaken, too: while Kafka is away the lease goes round, each
 *                          turn makes the rests longer, and the last is as good as one without an end
 *   -DHALF_LEFT            a rebuild that was cut off is left to the keeper that began it
 */
#ifndef KEEPERS
#define KEEPERS 2
#endif
#ifndef GRABS
#define GRABS 1
#endif
#ifndef FLUSHES
#define FLUSHES 1
#endif
#ifndef OUTAGES
#define OUTAGES 1       /* of Kafka */
#endif
#ifndef STOPS
#define STOPS 1         /* of keepers */
#endif
#ifndef CUTS
#define CUTS 0          /* 1: the first keeper may lose Kafka for good; then no other is stopped for good, or nobody were left */
#endif
#ifndef BOTH_LEAD
#define BOTH_LEAD 0     /* 1: nobody asks for the lease */
#endif
#ifndef HASTY
#define HASTY 1         /* rests that end too early */
#endif
#define MISSING 0       /* the mark */
#define OPEN 1
#define BUILD 2
#define NOBODY 0

byte st = OPEN;
byte by = NOBODY;       /* whose epoch the mark has */
byte cat = NOBODY;      /* who raised the catalog's epoch last */
byte pend;              /* 0 no grab is pending, 1 pending, 2 cancelling */
bool row;               /* of the grab that is pending: it is final */
bool cancel;            /* its CANCEL is in the log */
bool lag;               /* the log has records that are not folded */
bool kafka = true;
bool stopped[KEEPERS + 1];
bool cut[KEEPERS + 1];  /* its own link to Kafka */
byte leader = NOBODY;
bool busy[KEEPERS + 1]; /* with a rebuild, from RAISE to its end */
byte hasty = HASTY;

#define SOUND (st == OPEN && by == cat)
#define REST (SOUND && pend == 0 && !lag)

ltl comes_to_rest { <> [] REST }

#define LEADS (leader == id || BOTH_LEAD)
#ifdef NO_TURN
#define ABOVE false
#else
#define ABOVE (raised && cat != id && busy[cat] && (!stopped[cat] || longest))  /* a rebuild overtook this keeper's, and is not at its end */
#endif
#ifdef NO_SWEEP
#define SWEEPS false
#else
#define SWEEPS (pend > 0)
#endif
#ifdef HALF_LEFT
#define OWED (!SOUND && (st != BUILD || by == id))
#else
#define OWED (!SOUND)
#endif
#define STEP(condition) atomic { !stopped[id] && (condition) ->

#ifdef LEFT_IS_OVERTAKEN
#define LEFT longest = true
#else
#define LEFT raised = false
#endif

/* A keeper waits for Kafka: its append is tried again until it is reported persisted, or until it leads no more. */
#ifdef KEEPER_GIVES_UP
#define APPEND(what) if :: STEP(kafka && !cut[id]) what; lag = true } :: STEP(!kafka) busy[id] = false; goto gone } fi
#else
#define APPEND(what) if :: STEP(kafka && !cut[id]) what; lag = true } :: STEP((cut[id] || !kafka) && !LEADS) LEFT; goto round } fi
#endif

proctype Keeper(byte id) {
  bool raised;                                         /* since this keeper saw the mark sound, or left its rebuild by itself */
  bool longest;                                        /* its rests have grown so long that they do not end */
round:
  skip;
  STEP(true) busy[id] = false };
  if
  :: STEP(leader == NOBODY && !BOTH_LEAD && !cut[id]) leader = id; goto round }
  :: STEP(LEADS && OWED && !ABOVE) cat = id; raised = true; busy[id] = true }                     /* RAISE */
  :: STEP(LEADS && OWED && ABOVE && hasty > 0) hasty--; cat = id; raised = true; busy[id] = true }
  :: STEP(LEADS && SOUND && raised) raised = false; goto round }
  :: STEP(LEADS && SOUND && SWEEPS) pend = 2; goto sweep }
  fi;
  if                                                   /* CLOSE */
  :: STEP(st == MISSING || cat == id || by == id) st = BUILD; by = id; pend = 0; row = false; cancel = false }
  :: STEP(!(st == MISSING || cat == id || by == id)) goto round }
  fi;
  APPEND(skip);                                        /* BARRIER */
  if                                                   /* LOOK */
  :: STEP(cat == id) skip }
  :: STEP(cat != id) goto round }
  fi;
  if                                                   /* OPEN */
  :: STEP(st == BUILD && by == id) st = OPEN; goto round }
  :: STEP(!(st == BUILD && by == id)) goto round }
  fi;
sweep:
  APPEND(cancel = (pend == 2));                        /* CANCEL */
  if                                                   /* FOLD, FINISH */
  :: STEP(row || pend != 2) if :: pend == 2 -> pend = 0; row = false; cancel = false :: else fi; goto round }
  :: STEP(!SOUND) goto round }
  fi;
gone:
  skip
}

proctype Worker() {
  do
  :: atomic { kafka && lag -> lag = false; if :: cancel -> row = true :: else fi }
#ifdef WORKER_GIVES_UP
  :: atomic { !kafka -> break }
#endif
  od
}

proctype Ingest() {
  byte grabs = GRABS;
  do
  :: atomic { grabs > 0 && st == OPEN && pend == 0 -> grabs--; pend = 1; row = false; cancel = false }
  :: atomic { pend == 1 -> pend = 0 }                  /* SETTLE, unless it dies before */
  :: grabs > 0 -> break
  :: grabs == 0 -> break
  od
}

proctype World() {
  byte flushes = FLUSHES, outages = OUTAGES, stops = STOPS, cuts = CUTS;
  do
  :: atomic { flushes > 0 -> flushes--; st = MISSING; by = NOBODY; pend = 0; row = false; cancel = false }
  :: atomic { outages > 0 && kafka -> outages--; kafka = false }
  :: atomic { !kafka -> kafka = true }
  :: atomic { cuts > 0 -> cuts--; cut[1] = true }
  :: atomic { stops > 0 -> stops--; if :: stopped[1] = true :: stopped[KEEPERS] = true fi }
  :: atomic { stopped[1] -> stopped[1] = false }
  :: atomic { stopped[KEEPERS] -> stopped[KEEPERS] = false }
  :: kafka -> break                                    /* the faults are over; who is stopped stays so */
  od
}

#if !BOTH_LEAD && !defined(LEASE_NEVER_ENDS)
proctype Lease() {
  do
  :: atomic { leader != NOBODY && stopped[leader] -> leader = NOBODY }
#ifndef STUCK_LEADS
  :: atomic { leader != NOBODY && (cut[leader] || (!kafka && busy[leader])) -> leader = NOBODY }
#endif
  od
}
#endif

proctype Time() { do :: true -> skip od }  /* goes on where nothing else can: what is stuck must not look like an end */

init {
  atomic {
    run Time();
    run Keeper(1);
#if KEEPERS > 1
    run Keeper(2);
#endif
    run Worker();
    run Ingest();
    run World();
#if !BOTH_LEAD && !defined(LEASE_NEVER_ENDS)
    run Lease()
#endif
  }
}
