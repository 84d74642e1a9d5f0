/* The first open of a coupon: one epoch for all coupons, one mark a coupon, and no raise.
 *
 *     Keeper    catalog's `opened` is 0 -> first open;  `opened` and no valid mark -> rebuild          protocol/rebuild.h
 *     Request, Sweeper, World, Rest     as in weir.pml, without existing claims, shown marks and late RESERVEs
 *
 * One coupon, from its row in the catalog to rest. Keepers open it; they rebuild it when it is `opened` and has no valid mark,
 * and also when another coupon needs a rebuild (OTHERS). Redis is flushed, or restarted with its data lost, old or kept. A keeper
 * crashes between any two steps; one that stops, or whose script runs late, is one that is not scheduled. Time is pairwise, as
 * in weir.pml. At rest the coupon must be open with the right stock; where the model ran out of epochs, one keeper alone must be
 * able to finish. In every state a first open must never write full stock over an OK row.
 *
 *   default             read the epoch E; CAS `opened` 0 -> E, the loser stops; set building(E, run id) if the mark is missing or
 *                       lower; look that the catalog still says E; CAS building(E, run id) -> open. A rebuild raises the epoch
 *                       to E and then lists the coupons with 0 < `opened` < E. A script without an answer is not sent again.
 *   -DFLAG              `opened` is 0 or 1, and a rebuild lists all that is opened, also what was opened under its own epoch
 *   -DLOSER_GOES_ON     the loser of the CAS of `opened` goes on
 *   -DRESEND            the script that sets building is sent again when its answer is lost; the first copy may run later
 *   -DREOPEN            a first open found half done (opened, no mark) is done again, not rebuilt
 *   -DNO_LOOK           no look at the catalog between building and open
 *   -DOPEN_BLIND        the last step opens whatever the mark says
 *   -DLIST_FIRST        a rebuild lists the coupons, then raises the epoch
 */
#ifndef NG
#define NG 2            /* requests = grab ids */
#endif
#ifndef NU
#define NU 2            /* users */
#endif
#ifndef TOTAL
#define TOTAL 1
#endif
#ifndef KEEPERS
#define KEEPERS 2
#endif
#ifndef RESTARTS
#define RESTARTS 1      /* another run id; the data are lost, old or kept */
#endif
#ifndef FLUSHES
#define FLUSHES 1       /* data lost, same run id */
#endif
#ifndef SAVES
#define SAVES 1
#endif
#ifndef CRASHES
#define CRASHES 1       /* of keepers */
#endif
#ifndef OTHERS
#define OTHERS 1        /* rebuilds for the sake of another coupon */
#endif
#ifndef MAXE
#define MAXE 3
#endif
#define USER(i) ((i) % NU)
#define BIT(i)  (1 << (i))
#define NONE 9
#define MISSING 0       /* marks */
#define OPEN 1
#define BUILD 2
#define FREE 0          /* grabs in Redis */
#define PEND 1
#define CANC 2
#define SETT 3
#define OK 1            /* rows */
#define VOID 2

typedef Data { byte st; byte ep; byte rid; byte left; byte claim[NU]; byte mk[NG] };
Data R;                 /* Redis now */
Data S;                 /* a snapshot of it */
bit  has_s;
byte rid = 1;
byte cat = 1;           /* epoch in the catalog */
byte opened;            /* catalog: 0, or the epoch of the coupon's first open */
byte bar;               /* highest BARRIER */
byte row[NG], gep[NG];
byte sent, late;        /* sets of grabs */
byte succ, refu;        /* answers */
byte infl;              /* GRABs possibly persisted */
byte again, againrid;   /* RESEND: epoch of the copy that still travels, and the Redis it travels to */
byte restarts = RESTARTS, flushes = FLUSHES, saves = SAVES, crashes = CRASHES, others = OTHERS;
hidden byte xi; hidden byte xj; hidden byte xn;

/* What a script compares; and what the keeper does: it knows the catalog's epoch too. */
#define VALID   (R.st == OPEN && R.rid == rid)
#define SOUND   (VALID && R.ep == cat)
#define SAME(e) (VALID && R.ep == (e))

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
         :: xj < NG -> assert(!(row[xi] == OK && row[xj] == OK && USER(xi) == USER(xj))); xj++    /* I6 */
         :: else -> break
         od;
         xi++
    :: else -> break
    od;
    assert(xn <= TOTAL);                                        /* I1 */
    xn = 0; xi = 0; xj = 0
  }
  xi = 0
}
inline land(i) {
  if
  :: row[i] == 0 -> if :: gep[i] < bar -> row[i] = VOID :: else -> row[i] = OK fi
  :: else
  fi;
  check()
}
inline clear_data() {
  d_step { R.left = 0; xi = 0;
    do :: xi < NU -> R.claim[xi] = NONE; xi++ :: else -> break od; xi = 0;
    do :: xi < NG -> R.mk[xi] = FREE; xi++ :: else -> break od; xi = 0 };
  xi = 0
}
inline wipe() { R.st = MISSING; R.ep = 0; R.rid = 0; clear_data() }
inline copy(to, from) {
  d_step { to.st = from.st; to.ep = from.ep; to.rid = from.rid; to.left = from.left; xi = 0;
    do :: xi < NU -> to.claim[xi] = from.claim[xi]; xi++ :: else -> break od; xi = 0;
    do :: xi < NG -> to.mk[xi] = from.mk[xi]; xi++ :: else -> break od; xi = 0 };
  xi = 0
}
inline set_building(e) {
  if
  :: R.st == MISSING || R.ep < e -> clear_data(); R.st = BUILD; R.ep = e; R.rid = rid
  :: else
  fi
}
inline give_back(i) { R.mk[i] = FREE; R.left++; if :: R.claim[USER(i)] == i -> R.claim[USER(i)] = NONE :: else fi }

proctype Request(byte i) {
  byte rn;
  atomic { R.st != MISSING -> rn = rid };              /* a keeper has begun; connect: learn the run id */
  atomic { sent = sent | BIT(i) };
  if                                                   /* RESERVE */
  :: atomic { rid == rn && VALID && R.claim[USER(i)] == NONE && R.left > 0 ->
       R.left--; R.claim[USER(i)] = i; R.mk[i] = PEND; gep[i] = R.ep }
  :: atomic { !(rid == rn && VALID && R.claim[USER(i)] == NONE && R.left > 0) -> refu = refu | BIT(i); check(); goto dead }
  fi;
  if
  :: goto dead                                         /* crash after RESERVE */
  :: atomic { skip -> land(i) }                        /* persisted */
  :: atomic { infl = infl | BIT(i); goto dead }        /* possibly persisted */
  :: skip;                                             /* not persisted */
     atomic { if :: SAME(gep[i]) && R.mk[i] == PEND -> give_back(i) :: else fi; refu = refu | BIT(i); check(); goto dead }
  fi;
  if
  :: atomic { !(late & BIT(i)) -> succ = succ | BIT(i); check() }
  :: atomic { skip ->                                  /* CONFIRM */
       if
       :: SAME(gep[i]) && R.mk[i] == PEND -> R.mk[i] = SETT; succ = succ | BIT(i); check(); goto dead
       :: else -> goto dead
       fi }
  fi;
  if
  :: atomic { skip -> if :: SAME(gep[i]) && R.mk[i] == PEND -> R.mk[i] = SETT :: else fi }    /* SETTLE */
  :: skip
  fi;
dead:
  atomic { rn = 0 }
}

#ifdef FLAG
#define LISTED (opened != 0)
#else
#define LISTED (opened != 0 && opened < E)
#endif
#ifdef NO_LOOK
#define STILL 1
#else
#define STILL (cat == E)
#endif
#ifdef OPEN_BLIND
#define MINE_O 1
#else
#define MINE_O MINE
#endif
#define MINE (R.st == BUILD && R.ep == E && R.rid == rid)
#define CRASH :: atomic { crashes > 0 -> crashes--; goto end_top }

proctype Keeper() {
  byte E, ok, sm; bit mine;
end_top:
  atomic { E = 0; ok = 0; sm = 0; mine = 0 };
end_idle:
  if
  :: atomic { opened == 0 -> E = cat; goto first_open }
#ifdef REOPEN
  :: atomic { opened != 0 && R.st == MISSING -> E = cat; goto reopen }
#endif
  :: atomic { opened != 0 && !SOUND && cat < MAXE -> skip }
  :: atomic { others > 0 && cat < MAXE -> others-- }
  fi;

  /* rebuild */
#ifdef LIST_FIRST
  atomic { mine = (opened != 0) };
  if :: atomic { cat < MAXE -> cat++; E = cat } :: atomic { cat == MAXE -> goto end_top } fi;
#else
  if :: atomic { cat < MAXE -> cat++; E = cat } :: atomic { cat == MAXE -> goto end_top } fi;
  if :: atomic { mine = LISTED } CRASH fi;
#endif
  if
  :: atomic { mine -> set_building(E); sm = sent
#ifdef RESEND
       ; if :: again == 0 -> again = E; againrid = rid :: skip fi
#endif
     }
  :: atomic { !mine -> sm = sent }
  CRASH
  fi;
  if :: atomic { late = late | sm; sm = 0 } CRASH fi;  /* half the hold has passed */
  if
  :: atomic {
       if :: bar < E -> bar = E :: else fi;
       xi = 0;
       do :: xi < NG -> if :: row[xi] == OK -> ok = ok | BIT(xi) :: else fi; xi++ :: else -> break od;
       xi = 0 }
  CRASH
  fi;
  if :: atomic { mine && cat == E -> skip } :: atomic { !(mine && cat == E) -> goto end_top } fi;
  if
  :: atomic { MINE ->
       xi = 0;
       do :: xi < NG -> if :: ok & BIT(xi) -> R.claim[USER(xi)] = xi; R.mk[xi] = SETT :: else fi; xi++ :: else -> break od;
       xi = 0 }
  :: atomic { !MINE -> goto end_top }
  CRASH
  fi;
  if
  :: atomic { MINE ->
       xi = 0; xn = 0;
       do :: xi < NG -> if :: ok & BIT(xi) -> xn++ :: else fi; xi++ :: else -> break od;
       R.left = TOTAL - xn; R.st = OPEN; xi = 0; xn = 0; goto end_top }
  :: atomic { !MINE -> goto end_top }
  CRASH
  fi;

first_open:
  skip;
  if
  :: atomic { opened == 0 ->
#ifdef FLAG
       opened = 1
#else
       opened = E
#endif
     }
#ifdef LOSER_GOES_ON
  :: atomic { opened != 0 -> skip }
#else
  :: atomic { opened != 0 -> goto end_top }
#endif
  CRASH
  fi;
reopen:
  skip;
  if
  :: atomic { skip -> set_building(E)
#ifdef RESEND
       ; if :: again == 0 -> again = E; againrid = rid :: skip fi
#endif
     }
  CRASH
  fi;
  if :: atomic { STILL -> skip } :: atomic { !STILL -> goto end_top } CRASH fi;
  if
  :: atomic { MINE_O ->
       R.st = OPEN; R.ep = E; R.rid = rid; R.left = TOTAL;
       xi = 0;                                          /* never with full stock over what was sold */
       do :: xi < NG -> assert(row[xi] != OK); /* I1 */ xi++ :: else -> break od;
       xi = 0; goto end_top }
  :: atomic { !MINE_O -> goto end_top }
  CRASH
  fi
}

#define OVERDUE(x) (VALID && (R.mk[x] == PEND || R.mk[x] == CANC))
proctype Sweeper() {
  byte g, E, sm;
end_top:
  atomic { g = 0; E = 0; sm = 0 };
end_idle:
  if
  :: atomic { OVERDUE(0) -> g = 0; E = R.ep; R.mk[0] = CANC; sm = sent }
#if NG > 1
  :: atomic { OVERDUE(1) -> g = 1; E = R.ep; R.mk[1] = CANC; sm = sent }
#endif
#if NG > 2
  :: atomic { OVERDUE(2) -> g = 2; E = R.ep; R.mk[2] = CANC; sm = sent }
#endif
  fi;
  atomic { late = late | sm; sm = 0 };
  atomic { if :: row[g] == 0 -> row[g] = VOID :: else fi; check() };
  atomic {
    if
    :: SAME(E) && R.mk[g] == CANC -> if :: row[g] == VOID -> give_back(g) :: else -> R.mk[g] = SETT fi
    :: else
    fi;
    goto end_top }
}

proctype World() {
end_w:
  do
  :: atomic { saves > 0 -> saves--; copy(S, R); has_s = 1 }
  :: atomic { restarts > 0 -> restarts--; rid++;
       if :: wipe() :: has_s -> copy(R, S) :: skip fi }
  :: atomic { flushes > 0 -> flushes--; wipe() }
  :: atomic { infl & 1 -> infl = infl & ~1; land(0) }
  :: atomic { infl & 1 -> infl = infl & ~1 }
#if NG > 1
  :: atomic { infl & 2 -> infl = infl & ~2; land(1) }
  :: atomic { infl & 2 -> infl = infl & ~2 }
#endif
#if NG > 2
  :: atomic { infl & 4 -> infl = infl & ~4; land(2) }
  :: atomic { infl & 4 -> infl = infl & ~4 }
#endif
#ifdef RESEND
  :: atomic { again > 0 -> if :: againrid == rid -> set_building(again) :: else fi; again = 0; againrid = 0 }
#endif
  od
}

proctype Rest() {       /* nothing can move: the quiet end */
  byte n, E;
  timeout ->
  atomic {
    assert(opened != 0);                               /* I14 */
    if
    :: SOUND
    :: else ->
         assert(cat == MAXE);                          /* I14: closed only when this model ran out of epochs: */
         cat++; E = cat; sent = 0;                      /* then one keeper alone must be able to finish */
         assert(LISTED);                                /* I14 */
         set_building(E);
         bar = E; n = 0; xi = 0;
         do :: xi < NG -> if :: row[xi] == OK -> R.claim[USER(xi)] = xi; R.mk[xi] = SETT; n++ :: else fi; xi++ :: else -> break od;
         xi = 0;
         assert(MINE);                                  /* I14 */
         R.left = TOTAL - n; R.st = OPEN
    fi;
    xi = 0; n = 0;
    do
    :: xi < NG ->
         if :: row[xi] == OK -> n++ :: else fi;
         assert(R.mk[xi] == FREE || R.mk[xi] == SETT);                 /* I5: nothing pending */
         assert(!(succ & BIT(xi)) || row[xi] == OK);                   /* I2 */
         assert(!(row[xi] == OK) || R.claim[USER(xi)] == xi);          /* I6: no lost claim */
         xi++
    :: else -> break
    od;
    assert(R.left + n == TOTAL)                                        /* I5 */
  }
}

init {
  atomic {
    wipe(); copy(S, R);
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
#if KEEPERS > 2
    run Keeper();
#endif
    run Sweeper();
    run World();
    run Rest()
  }
}
