/* A limit above 1, with Idempotency-Keys: one user, several requests; a key names the try.
 *
 *     Request, Keeper, World, Rest     as in weir.pml, with one partition, one keeper and a Redis that is flushed
 *
 * A claim is the user's list of "grab:try" (schemas/lua/reserve.lua, give_back of mark.lua); a rebuild writes it from the rows, which
 * hold the key too (ingest/keeper_claims.c). A request whose key has a grab gets that grab; one without a key is a new try, up to
 * the limit. In every state the user has at most LIMIT OK rows, and at most one of each key; at rest the claim is exactly the
 * user's OK rows, each with its key.
 *
 *   -DTRY_KEY_LOST           a rebuild writes the claims without their keys
 *   -DKEY_IGNORED            RESERVE counts, and does not look for the key
 *   -DLIMIT_AFTER_TAKE       the limit is looked at after the unit was taken
 *   -DLIMIT_OF_SETTLED       pending grabs do not count for the limit
 *   -DCLAIM_WHOLE_RELEASED   RELEASE and the sweep take away the whole claim, not the grab's own entry
 *   -DPENDING_REPLAYED       a key whose grab is pending is answered success
 */
#ifndef NG
#define NG 3            /* requests = grab ids */
#endif
#ifndef LIMIT
#define LIMIT 2
#endif
#ifndef TOTAL
#define TOTAL 3
#endif
#ifndef KEY0
#define KEY0 1          /* of request 0; 0: none */
#endif
#ifndef KEY1
#define KEY1 1
#endif
#ifndef KEY2
#define KEY2 2
#endif
#ifndef FLUSHES
#define FLUSHES 1
#endif
#ifndef CRASHES
#define CRASHES 1       /* of the keeper */
#endif
#ifndef MAXE
#define MAXE 3
#endif
#define KEY(i) ((i) == 0 -> KEY0 : ((i) == 1 -> KEY1 : KEY2))
#define BIT(i) (1 << (i))

#define MISSING 0       /* marks */
#define OPEN 1
#define BUILD 2
#define FREE 0          /* grabs in Redis */
#define PEND 1
#define SHOWN 2
#define CANC 3
#define SETT 4
#define OK 1            /* rows */
#define VOID 2

byte st = OPEN, ep = 1, left = TOTAL;   /* Redis: the mark, its epoch, the stock */
byte claim, keyed;                      /* the user's claim: a set of grabs, and those of them whose key is there */
byte mk[NG];
byte cat = 1;                           /* epoch in the catalog */
byte bar;                               /* highest BARRIER */
byte row[NG], gep[NG];
byte sent, late;                        /* sets of grabs */
byte succ, refu, unkn;                  /* answers, by grab */
byte infl;                              /* GRABs possibly persisted */
byte flushes = FLUSHES, crashes = CRASHES;
hidden byte xi; hidden byte xj; hidden byte xn;

#define VALID (st == OPEN)
#define SAME(e) (VALID && ep == (e))

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
              assert(!(row[xi] == OK && row[xj] == OK && KEY(xi) != 0 && KEY(xi) == KEY(xj)));        /* I6: two grabs of one try */
              xj++
         :: else -> break
         od;
         xi++
    :: else -> break
    od;
    assert(xn <= LIMIT);                                        /* I6: more than the limit */
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

/* The grab that this try has already, NG: none; and how many grabs count for the limit. */
inline existing(i) {
  d_step {
    old = NG; count = 0; xi = 0;
    do
    :: xi < NG ->
         if
         :: claim & BIT(xi) ->
#ifdef LIMIT_OF_SETTLED
              if :: mk[xi] == SETT -> count++ :: else fi;
#else
              count++;
#endif
#ifndef KEY_IGNORED
              if :: KEY(i) != 0 && KEY(xi) == KEY(i) && (keyed & BIT(xi)) -> old = xi :: else fi
#endif
         :: else
         fi;
         xi++
    :: else -> break
    od;
    xi = 0
  };
  xi = 0
}

inline take(i) {
  claim = claim | BIT(i); mk[i] = PEND; gep[i] = ep; res = 1;
  if :: KEY(i) != 0 -> keyed = keyed | BIT(i) :: else fi
}

/* res: 0 refused, 1 taken, 3 an existing grab that is pending, 4 one that is settled */
inline reserve(i) {
  existing(i);
  if
  :: !VALID -> res = 0
  :: VALID && old < NG ->
       res = (mk[old] == SETT -> 4 : 3);
       if :: mk[old] == PEND -> mk[old] = SHOWN :: else fi
#ifdef LIMIT_AFTER_TAKE
  :: VALID && old == NG && left == 0 -> res = 0
  :: VALID && old == NG && left > 0 -> left--; if :: count >= LIMIT -> res = 0 :: else -> take(i) fi
#else
  :: VALID && old == NG && (count >= LIMIT || left == 0) -> res = 0
  :: VALID && old == NG && count < LIMIT && left > 0 -> left--; take(i)
#endif
  fi;
  count = 0
}

inline give_back(i) {
  mk[i] = FREE; left++;
#ifdef CLAIM_WHOLE_RELEASED
  claim = 0; keyed = 0
#else
  claim = claim & ~BIT(i); keyed = keyed & ~BIT(i)
#endif
}

proctype Request(byte i) {
  byte res, old, count;
  atomic { sent = sent | BIT(i) };
  if
  :: atomic { reserve(i) }
  :: atomic { reserve(i); refu = refu | BIT(i); goto dead }      /* it ran, its answer is lost */
  fi;
  if
  :: atomic { res == 0 -> refu = refu | BIT(i); goto dead }
  :: atomic { res == 3 ->
#ifdef PENDING_REPLAYED
       succ = succ | BIT(old);
#else
       unkn = unkn | BIT(old);
#endif
       refu = refu | BIT(i); check(); goto dead }
  :: atomic { res == 4 -> succ = succ | BIT(old); assert(row[old] == OK);      /* I2: replayed */
       refu = refu | BIT(i); goto dead }
  :: atomic { res == 1 -> skip }
  fi;
  if
  :: goto dead                                         /* crash after RESERVE */
  :: atomic { skip -> land(i) }                        /* persisted */
  :: atomic { infl = infl | BIT(i); unkn = unkn | BIT(i); goto dead }   /* possibly persisted */
  :: atomic { skip ->                                  /* not persisted */
       if :: SAME(gep[i]) && mk[i] == PEND -> give_back(i) :: else fi;
       refu = refu | BIT(i); check(); goto dead }
  fi;
  if
  :: atomic { !(late & BIT(i)) -> succ = succ | BIT(i); check() }
  :: atomic { skip ->                                  /* CONFIRM */
       if
       :: SAME(gep[i]) && (mk[i] == PEND || mk[i] == SHOWN) -> mk[i] = SETT; succ = succ | BIT(i); check()
       :: else -> unkn = unkn | BIT(i)
       fi;
       goto dead }
  fi;
  if
  :: atomic { skip -> if :: SAME(gep[i]) && (mk[i] == PEND || mk[i] == SHOWN) -> mk[i] = SETT :: else fi }     /* SETTLE */
  :: skip
  fi;
dead:
  atomic { res = 0; old = 0; count = 0 }
}

#define OVERDUE(x) (VALID && (mk[x] == PEND || mk[x] == SHOWN || mk[x] == CANC))
#define SWEEP(x) :: atomic { OVERDUE(x) -> g = x; E = ep; mk[x] = CANC; sm = sent; goto sweep }
#define CRASH :: atomic { crashes > 0 -> crashes--; goto end_top }

proctype Keeper() {
  byte g, E, ok, sm;
end_top:
  atomic { g = 0; E = 0; ok = 0; sm = 0 };
end_idle:
  if
  SWEEP(0)
  SWEEP(1)
#if NG > 2
  SWEEP(2)
#endif
  :: atomic { !VALID && cat < MAXE -> cat++; E = cat }
  fi;
  if
  :: atomic { st == MISSING || ep < E ->               /* CLOSE */
       st = BUILD; ep = E; left = 0; claim = 0; keyed = 0; xi = 0;
       do :: xi < NG -> mk[xi] = FREE; xi++ :: else -> break od;
       xi = 0; sm = sent }
  CRASH
  fi;
  if :: atomic { late = late | sm; sm = 0 } CRASH fi;  /* WAIT */
  if
  :: atomic { bar = E; xi = 0;                         /* BARRIER, FOLD */
       do :: xi < NG -> if :: row[xi] == OK -> ok = ok | BIT(xi) :: else fi; xi++ :: else -> break od;
       xi = 0 }
  CRASH
  fi;
  if
  :: atomic { st == BUILD && ep == E ->                /* CLAIMS */
       claim = ok; xi = 0;
       do
       :: xi < NG ->
            if :: ok & BIT(xi) -> mk[xi] = SETT :: else fi;
#ifndef TRY_KEY_LOST
            if :: (ok & BIT(xi)) && KEY(xi) != 0 -> keyed = keyed | BIT(xi) :: else fi;
#endif
            xi++
       :: else -> break
       od;
       xi = 0 }
  :: atomic { !(st == BUILD && ep == E) -> goto end_top }
  CRASH
  fi;
  atomic {                                             /* OPEN */
    if
    :: st == BUILD && ep == E ->
         xi = 0; xn = 0;
         do :: xi < NG -> if :: ok & BIT(xi) -> xn++ :: else fi; xi++ :: else -> break od;
         left = TOTAL - xn; st = OPEN; xi = 0; xn = 0
    :: else
    fi;
    goto end_top
  }
sweep:
  skip;
  if :: atomic { late = late | sm; sm = 0 } CRASH fi;
  if :: atomic { if :: row[g] == 0 -> row[g] = VOID :: else fi; check() } CRASH fi;
  atomic {
    if
    :: SAME(E) && mk[g] == CANC -> if :: row[g] == VOID -> give_back(g) :: else -> mk[g] = SETT fi
    :: else
    fi;
    goto end_top
  }
}

#define IN_FLIGHT(i) \
  :: atomic { infl & BIT(i) -> infl = infl & ~BIT(i); land(i) } \
  :: atomic { infl & BIT(i) -> infl = infl & ~BIT(i) }

proctype World() {
end_world:
  do
  :: atomic { flushes > 0 -> flushes--;
       st = MISSING; ep = 0; left = 0; claim = 0; keyed = 0; xi = 0;
       do :: xi < NG -> mk[xi] = FREE; xi++ :: else -> break od;
       xi = 0 }
  :: atomic { flushes > 0 -> flushes = 0 }             /* no flush at all */
  IN_FLIGHT(0)
  IN_FLIGHT(1)
#if NG > 2
  IN_FLIGHT(2)
#endif
  od
}

proctype Rest() {
  byte n, ok, key;
  timeout ->
  atomic {
    if
    :: VALID ->
         xi = 0; n = 0;
         do
         :: xi < NG ->
              if :: row[xi] == OK -> n++; ok = ok | BIT(xi); key = key | (KEY(xi) == 0 -> 0 : BIT(xi)) :: else fi;
              assert(mk[xi] == FREE || mk[xi] == SETT);                         /* I5: nothing pending */
              assert(!(succ & BIT(xi)) || row[xi] == OK);                       /* I2 */
              assert(!(unkn & BIT(xi)) || row[xi] != 0 || gep[xi] < bar);       /* I4 */
              xi++
         :: else -> break
         od;
         assert(claim == ok);                                                   /* I6: the claim is the user's OK rows */
         assert(keyed == key);                                                  /* I6: each with its key */
         assert(left + n == TOTAL)                                              /* I5, I13 */
    :: else -> assert(cat == MAXE)                                              /* I14 */
    fi
  }
}

init {
  atomic {
    run Request(0);
    run Request(1);
#if NG > 2
    run Request(2);
#endif
    run Keeper();
    run World();
    run Rest()
  }
}
