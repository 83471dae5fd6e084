/* The life of one plan: who may move it and when, and what must never come of it.

   Three parts. The facts and guards: each guard MAY_... is a conjunction of facts, and the prover
   takes them for granted one by one (`true` in place of the fact) to see which promise breaks. The
   transactions: one d_step each, as the ledger commits each as one. Those who run them: any number
   of times, in any order, with crashes, losses and delays of any length.

   evals/proofs/reading.py reads facts, guards and moves from this text, and a test holds them
   against the ledger: keep one fact a line with the objections of whoever finds it missing behind
   it, `#define MAY_X (A && B)`, and `MOVE(FROM, TO, who)` with names only.

   K       approvals needed, 1 or 2
   TIER    from 2 on an approval is a click and the beginning of the digest, typed
   STEPS   steps of the plan, 1 or 2, each on an object of its own
   READERS reconcilers at work
   SEALED  the API server keeps a gate that the reconciler closes; without it NOT_APPLIED waits
           until the owner has ended and nothing of it is under way

   Sources: approval-bound execution protocol; invariants I1 to I4, I6, I7, I9 and I11. */
#ifndef K
#define K 1
#endif
#ifndef TIER
#if K == 2
#define TIER 3
#else
#define TIER 1
#endif
#endif
#ifndef STEPS
#define STEPS 1
#endif
#ifndef READERS
#define READERS 1
#endif
#define REQUESTER 2
#define OUTSIDER 3
#define ALIAS 4
#define NOBODY 9

mtype = { ABSENT, DRAFT, PENDING, APPROVED, EXECUTING, UNKNOWN, SUCCEEDED, FAILED, PARTIAL, NOT_APPLIED, STALE,
          DENIED, EXPIRED, CANCELLED, SUPERSEDED, REFUSED, QUARANTINED };
mtype = { AS_SHOWN, OURS, OTHERS, OURS_THEN_OTHERS };
mtype = { FREE_LOCK, OUR_LOCK, RIVAL_ASKS, RIVAL_ASKS_THE_SAME, RIVAL_WORKS };
mtype = { SILENT, WAITED_FOR, APPLIED, MOVED_ON, FORBIDDEN };

mtype ps = ABSENT;
mtype lock = FREE_LOCK;             /* who has the object, from a draft until its end */
mtype obj[STEPS] = AS_SHOWN;        /* what stands in the cluster, seen from the plan */
mtype heard[2] = SILENT;            /* what each executor knows of its request */
bool previewed, late, halted, tampered, denied;
bool lost;                          /* the last claim was refused because an approver lost the right */
bool right[5], yes[5];              /* 0 and 1 approvers, 2 the requester, 3 an outsider, 4 another account of 0 */
byte owner = NOBODY;
bool lease;                         /* the owner's lease runs */
byte working;                       /* executors between their claim and their end */
bool intended[STEPS], arrived[STEPS];
bool objected;                      /* ghost: somebody entitled said no before the claim */
bool gate;
byte under_way;                     /* requests that left and did not arrive */
chan net = [2] of { byte, byte };

#define VALID (((yes[0] && right[0]) || (yes[ALIAS] && right[ALIAS])) + (yes[1] && right[1]))
#define SIGNED ((yes[0] || yes[ALIAS]) + yes[1])
#ifdef ROWS_COUNT
byte rows;
#define ON_RECORD rows++
#define COUNTED rows
#else
#define ON_RECORD skip
#define COUNTED SIGNED
#endif
#define TOUCHED(k) (obj[k] == OURS || obj[k] == OURS_THEN_OTHERS)
#if STEPS == 2
#define ANY_EFFECT (TOUCHED(0) || TOUCHED(1))
#define ALL_EFFECTS (TOUCHED(0) && TOUCHED(1))
#define ANY_DRIFT (obj[0] != AS_SHOWN || obj[1] != AS_SHOWN)
#else
#define ANY_EFFECT (TOUCHED(0))
#define ALL_EFFECTS (TOUCHED(0))
#define ANY_DRIFT (obj[0] != AS_SHOWN)
#endif
#define LOCKING (ps == EXECUTING || ps == UNKNOWN)
#define ACTIVE (ps == DRAFT || ps == PENDING || ps == APPROVED || LOCKING)
#define WITHOUT_EFFECT (ps == DRAFT || ps == PENDING || ps == APPROVED || ps == FAILED || ps == NOT_APPLIED || \
  ps == STALE || ps == DENIED || ps == EXPIRED || ps == CANCELLED || ps == SUPERSEDED || ps == REFUSED)

#ifdef SEALED
#define CLOSED (!gate)
#else
#define CLOSED false
#endif

/* ---- facts: what each says, and the objection of whoever finds it missing ---- */
#define INTACT (!tampered)                                                      /* TAMPERED, NOT_OWNER */
#define IS_DRAFT (ps == DRAFT)                                                  /* NO_SUCH_EDGE */
#define NEW_CHANGE (lock != RIVAL_ASKS_THE_SAME)                                /* SAME_PLAN */
#define NOT_BUSY (lock != RIVAL_WORKS)                                          /* OBJECT_BUSY */
#define ROOM (room)                                                             /* CHANNEL_FULL */
#define ASKS (ps == PENDING || (ps == APPROVED && lost))                        /* NO_SUCH_EDGE */
#define IS_APPROVED (ps == APPROVED)                                            /* NO_SUCH_EDGE */
#define IS_EXECUTING (ps == EXECUTING)                                          /* NOT_OWNER, NO_SUCH_EDGE */
#define IS_UNKNOWN (ps == UNKNOWN)                                              /* NO_SUCH_EDGE */
#define WAITING (ps == DRAFT || ps == PENDING || ps == APPROVED)                /* NO_SUCH_EDGE */
#define DENIABLE (ps == PENDING || ps == APPROVED)                              /* NO_SUCH_EDGE */
#define UNREHEARSED (!previewed)                                                /* DUPLICATE */
#define REHEARSED (previewed)                                                   /* NOT_PREVIEWED */
#define IN_TIME (!late)                                                         /* EXPIRED */
#define TIME_OVER (late)                                                        /* NO_SUCH_EDGE */
#define ENTITLED_TO_SIGN(i) (right[i] && i != REQUESTER)                                /* NOT_ON_ROSTER, OWN_REQUEST */
#define ENTITLED_TO_REJECT(i) (right[i])                                                /* NOT_ON_ROSTER */
#define CONFIRMED (TIER == 1 || typed)                                          /* NOT_CONFIRMED */
#define UNSAID(i) (!yes[i])                                                     /* DUPLICATE */
#define NEW_HUMAN(i) (!(i == ALIAS && yes[0]) && !(i == 0 && yes[ALIAS]))               /* SAME_HUMAN */
#define NOT_HALTED (!halted)                                                    /* HALTED */
#define STILL_NOT_HALTED (!halted)                                              /* HALTED */
#define NO_DENY (!denied)                                                       /* DENIED */
#define ENOUGH (VALID >= K)                             /* APPROVER_LOST_RIGHT, NOT_ENOUGH_APPROVALS */
#define UNRIVALLED (lock == FREE_LOCK || lock == OUR_LOCK)                      /* OBJECT_BUSY */
#define MINE(me) (owner == me)                                                  /* NOT_OWNER */
#define LEASED (lease)                                                          /* NOT_OWNER */
#define LEASE_OVER (!lease)                                                     /* NO_SUCH_EDGE */
#define OWNER_GONE (CLOSED || (working == 0 && under_way == 0))                              /* NOT_OWNER */

/* ---- guards: all that must hold in the transaction that makes the move ---- */
#define MAY_DRAFT      (NOT_BUSY && NEW_CHANGE)
#define MAY_REHEARSE   (INTACT && IS_DRAFT && UNREHEARSED)
#define MAY_TURN_DOWN  (IS_DRAFT)
#define MAY_POST       (REHEARSED && ROOM && IS_DRAFT)
#define MAY_APPROVE(i) (ENTITLED_TO_SIGN(i) && INTACT && ASKS && IN_TIME && CONFIRMED && UNSAID(i) && NEW_HUMAN(i))
#define MAY_DENY(i)    (ENTITLED_TO_REJECT(i) && INTACT && DENIABLE && IN_TIME)
#define MAY_EXPIRE     (INTACT && WAITING && TIME_OVER)
#define MAY_CANCEL     (WAITING)
#define MAY_SUPERSEDE  (WAITING)
#define MAY_FIND_STALE (IS_APPROVED)
#define MAY_CLAIM      (INTACT && IS_APPROVED && NOT_HALTED && IN_TIME && NO_DENY && ENOUGH && UNRIVALLED)
#define MAY_INTEND(me) (INTACT && IS_EXECUTING && MINE(me) && LEASED && STILL_NOT_HALTED)
#define MAY_FINISH(me) (INTACT && IS_EXECUTING && MINE(me) && LEASED)
#define MAY_GIVE_UP    (LEASE_OVER && IS_EXECUTING)
#define MAY_SAY_DONE   (IS_UNKNOWN)
#define MAY_SAY_UNDONE (OWNER_GONE && IS_UNKNOWN)

/* What a refused claim leaves behind: another person is asked in the place of one who lost the right. */
#define LOSES (IS_APPROVED && INTACT && NOT_HALTED && IN_TIME && NO_DENY && !(ENOUGH))

/* One edge. An ending gives the objects back; APPROVED has a time of its own. */
#define MOVE(start, end, who) assert(ps == start); ps = end; RELEASE; lost = false; \
  late = (late && ps != APPROVED); FORGET; PROMISES
/* Who signed is asked before the claim only: later it would but make many states of one. */
#define FORGET yes[0] = (yes[0] && WAITING); yes[1] = (yes[1] && WAITING); yes[ALIAS] = (yes[ALIAS] && WAITING); \
  right[0] = (right[0] || !WAITING); right[ALIAS] = right[0]
#ifdef UNKNOWN_FREES
#define RELEASE lock = ((lock == OUR_LOCK && (ps == UNKNOWN || !ACTIVE)) -> FREE_LOCK : lock)
#else
#define RELEASE lock = ((lock == OUR_LOCK && !ACTIVE) -> FREE_LOCK : lock)
#endif
#define PROMISES assert(!(WITHOUT_EFFECT && ANY_EFFECT)); /* I7, ever after: the cluster asks again */ \
  assert(!(ps == SUCCEEDED && !ALL_EFFECTS)); assert(!(ps == PARTIAL && !ANY_EFFECT))

/* ---- transactions ---- */
/* Whoever asks for the same object and did not begin gives way. */
inline draft() { d_step { ps == ABSENT -> if
  :: MAY_DRAFT -> assert(lock != RIVAL_WORKS && lock != RIVAL_ASKS_THE_SAME); ps = DRAFT; lock = OUR_LOCK
  :: else fi } }
inline rehearse() { d_step { if :: MAY_REHEARSE -> assert(!previewed); previewed = true :: else fi } }
inline turn_down() { d_step { if :: MAY_TURN_DOWN -> MOVE(DRAFT, REFUSED, actor) :: else fi } }
inline post(room) { d_step { if :: MAY_POST -> assert(room); MOVE(DRAFT, PENDING, gatekeeper) :: else fi } }

inline approve(i, typed) { d_step { if
  :: MAY_APPROVE(i) ->
     assert(right[i] && i != REQUESTER && i != OUTSIDER && !late && !tampered && previewed);
     assert(TIER == 1 || typed);                            /* I2: a person, entitled, who read what it is */
     yes[i] = true; ON_RECORD;
     if
     :: ps == APPROVED -> lost = false                      /* in the place of one that does not hold any more */
     :: ps != APPROVED && COUNTED >= K -> assert(SIGNED >= K); MOVE(PENDING, APPROVED, gatekeeper)
     :: else
     fi
  :: else fi } }

inline deny(i) { d_step {
  objected = (objected || (right[i] && !late && !tampered && (ps == PENDING || ps == APPROVED)));
  if
  :: MAY_DENY(i) ->
     assert(right[i]);
     denied = true;
#ifdef DENY_MOVES_NOTHING
     skip
#else
     if
     :: ps == PENDING -> MOVE(PENDING, DENIED, gatekeeper)
     :: else -> MOVE(APPROVED, DENIED, gatekeeper)
     fi
#endif
  :: else fi } }

inline expire() { d_step { if
  :: MAY_EXPIRE -> assert(late);
     if
     :: ps == DRAFT -> MOVE(DRAFT, EXPIRED, anyone)
     :: ps == PENDING -> MOVE(PENDING, EXPIRED, anyone)
     :: else -> MOVE(APPROVED, EXPIRED, anyone)
     fi
  :: else fi } }

inline cancel() { d_step { if
  :: MAY_CANCEL ->
     if
     :: ps == DRAFT -> MOVE(DRAFT, CANCELLED, anyone)
     :: ps == PENDING -> MOVE(PENDING, CANCELLED, anyone)
     :: else -> MOVE(APPROVED, CANCELLED, anyone)
     fi
  :: else fi } }

inline supersede() { d_step { if
  :: MAY_SUPERSEDE ->
     if
     :: ps == DRAFT -> MOVE(DRAFT, SUPERSEDED, anyone)
     :: ps == PENDING -> MOVE(PENDING, SUPERSEDED, anyone)
     :: else -> MOVE(APPROVED, SUPERSEDED, anyone)
     fi
  :: else fi } }

inline quarantine() { d_step { if
  :: ps == DRAFT -> MOVE(DRAFT, QUARANTINED, anyone)
  :: ps == PENDING -> MOVE(PENDING, QUARANTINED, anyone)
  :: ps == APPROVED -> MOVE(APPROVED, QUARANTINED, anyone)
  :: ps == EXECUTING -> MOVE(EXECUTING, QUARANTINED, anyone)
  :: ps == UNKNOWN -> MOVE(UNKNOWN, QUARANTINED, anyone)
  :: else fi } }

inline find_stale() { d_step { if :: MAY_FIND_STALE -> MOVE(APPROVED, STALE, actor) :: else fi } }

/* I2, I9, I11 and the times (P4): what a claim implies, said without the guard's words. */
#define CLAIM_IS_DUE assert(SIGNED >= K && VALID >= K && !objected && !late); \
  assert(!halted && !tampered && previewed); assert(lock == OUR_LOCK); assert(owner == NOBODY)
inline claim(me, won) { d_step { if
  :: MAY_CLAIM ->
     CLAIM_IS_DUE;
     MOVE(APPROVED, EXECUTING, actor);
     owner = me; lease = true; gate = true; working++; won = true
  :: else -> lost = (IS_APPROVED && INTACT -> LOSES : lost) fi } }
/* The same as two statements: what was read may no longer be true when it is written. */
inline claim_without_cas(me, won) {
  if
  :: MAY_CLAIM -> d_step {
       CLAIM_IS_DUE;
       ps = EXECUTING; owner = me; lease = true; gate = true; working++; won = true }
  :: else
  fi }

inline intend(me, n, may) { d_step { if
  :: MAY_INTEND(me) ->
     assert(ps == EXECUTING && owner == me && !halted && !tampered);         /* I1, I11 */
     intended[n] = true; may = true
  :: else -> may = false fi } }

inline finish(me, end) { d_step { if
  :: MAY_FINISH(me) && end == SUCCEEDED -> MOVE(EXECUTING, SUCCEEDED, actor)
  :: MAY_FINISH(me) && end == FAILED -> MOVE(EXECUTING, FAILED, actor)
  :: MAY_FINISH(me) && end == PARTIAL -> MOVE(EXECUTING, PARTIAL, actor)
  :: MAY_FINISH(me) && end == STALE -> MOVE(EXECUTING, STALE, actor)
  :: MAY_FINISH(me) && end == UNKNOWN -> MOVE(EXECUTING, UNKNOWN, actor)
  :: else fi;
  gate = (gate && LOCKING); heard[me] = SILENT } }

inline give_up() { d_step { if :: MAY_GIVE_UP -> MOVE(EXECUTING, UNKNOWN, actor) :: else fi } }
inline say_done() { d_step { if :: MAY_SAY_DONE -> MOVE(UNKNOWN, SUCCEEDED, actor) :: else fi } }
inline say_undone() { d_step { if :: MAY_SAY_UNDONE -> MOVE(UNKNOWN, NOT_APPLIED, actor) :: else fi } }

/* ---- those who run them ---- */
/* The desk, the people and the world: whatever they do, at any time and again and again. */
active proctype Everybody() {
end: do
  :: draft() :: rehearse() :: turn_down() :: post(true) :: post(false) :: expire() :: cancel() :: supersede()
  :: approve(0, true) :: approve(1, true) :: approve(REQUESTER, true) :: approve(OUTSIDER, true)
  :: approve(0, false) :: approve(ALIAS, true)
  :: deny(0) :: deny(1) :: deny(REQUESTER) :: deny(OUTSIDER)
  :: d_step { right[0] && (ps == ABSENT || WAITING) -> right[0] = false; right[ALIAS] = false }           /* taken off the roster */
  :: WAITING -> late = true
  :: lease = false
  :: halted = !halted
  :: tampered = true
  :: tampered -> quarantine()                               /* found by whoever looks */
  :: d_step { lock == FREE_LOCK -> assert(!ACTIVE); lock = RIVAL_ASKS }      /* I9 */
  :: d_step { lock == FREE_LOCK && ps == ABSENT -> lock = RIVAL_ASKS_THE_SAME }
  :: d_step { lock == RIVAL_ASKS || lock == RIVAL_ASKS_THE_SAME -> assert(!ACTIVE); lock = RIVAL_WORKS }
  :: d_step { lock != FREE_LOCK && lock != OUR_LOCK -> lock = FREE_LOCK }
  :: d_step { obj[0] == AS_SHOWN -> obj[0] = OTHERS }       /* somebody else's hands */
  :: d_step { obj[0] == OURS -> obj[0] = OURS_THEN_OTHERS }
  od }

#define DIE if :: working--; heard[me] = SILENT; goto again :: skip fi
#define END(how) finish(me, how); working--; goto again

proctype Executor(byte me) {
  byte n; bool won, may;
again:
end:
  n = 0; won = false; may = false;
  do
  :: ps == APPROVED && ANY_DRIFT -> find_stale()
#ifdef NOCAS
  :: ps == APPROVED -> claim_without_cas(me, won); if :: won -> break :: else fi
#else
  :: ps == APPROVED -> claim(me, won); if :: won -> break :: else fi
#endif
  od;
  won = false;
  DIE;                                                      /* c3: claimed */
  if :: ANY_DRIFT -> END(STALE) :: !ANY_DRIFT -> skip :: END(FAILED) fi;   /* compared, or it could not be */
  do
  :: n == STEPS -> END(SUCCEEDED)
  :: n < STEPS ->
#ifndef SENDS_FIRST
     intend(me, n, may);
     if
     :: may -> may = false
     :: else ->                                             /* halted: end here, or leave it to the reconciler */
        if :: halted && n == 0 -> END(FAILED) :: halted && n > 0 -> END(PARTIAL) :: working--; goto again fi
     fi;
     DIE;                                                   /* c4: intent, unsent */
#endif
     d_step { nfull(net) -> heard[me] = WAITED_FOR; under_way++; net ! me, n };   /* it arrives as late as it likes */
     DIE;                                                   /* c5: sent */
     if
     :: heard[me] != WAITED_FOR -> skip
     :: heard[me] == WAITED_FOR -> END(UNKNOWN)             /* no answer in time */
     fi;
     DIE;                                                   /* c6: answer seen, not on record */
     if
     :: heard[me] == APPLIED -> heard[me] = SILENT; n++
     :: heard[me] == MOVED_ON && n == 0 -> END(STALE)
     :: heard[me] == FORBIDDEN && n == 0 -> END(FAILED)
     :: heard[me] != APPLIED && n > 0 -> END(PARTIAL)
     fi
  od }

#define ANSWER(what) heard[from] = (heard[from] == WAITED_FOR -> what : heard[from])
#ifdef NOPRE
#define MATCHES true
#else
#define MATCHES (obj[k] == AS_SHOWN)
#endif
#if defined(SEALED) && !defined(NOGATE)
#define OPEN gate
#else
#define OPEN true
#endif
active proctype Cluster() {
  byte from, k;
end: do
  :: atomic { net ? from, k -> under_way--;
       if
       :: MATCHES && OPEN -> d_step {
            assert(intended[k]);                            /* I1 */
            assert(!arrived[k] && obj[k] == AS_SHOWN);      /* I3, I6 */
            arrived[k] = true; obj[k] = OURS;
            PROMISES; ANSWER(APPLIED) }
       :: !(MATCHES && OPEN) -> d_step { assert(!arrived[k] || obj[k] != OURS); ANSWER(MOVED_ON) }
       :: ANSWER(FORBIDDEN)
       :: skip                                              /* lost on the way */
       fi;
       from = 0; k = 0 }
  od }

active [READERS] proctype Reconciler() {
  bool ours, untouched, gone;
end: do
  :: give_up()
  :: ps == UNKNOWN ->
#ifdef RETRY
     if :: atomic { nfull(net) -> under_way++; net ! owner, 0 } :: full(net) fi;
#endif
     gate = false;
#ifndef PROOF_AFTER
     gone = OWNER_GONE;                                     /* the proof first, then the look */
#endif
     ours = (obj[0] == OURS); untouched = (obj[0] == AS_SHOWN);
#if STEPS == 2
     d_step { ours = (ours && obj[1] == OURS); untouched = (untouched && obj[1] == AS_SHOWN) };
#endif
#ifdef PROOF_AFTER
     gone = OWNER_GONE;
#endif
     if
     :: ours -> say_done()
     :: !ours && untouched && gone -> say_undone()
     :: !ours && !(untouched && gone) -> skip               /* it stays, and a person is called */
     fi;
     d_step { ours = false; untouched = false; gone = false }
  od }

init { d_step { right[0] = true; right[1] = true; right[REQUESTER] = true; right[ALIAS] = true }; run Executor(0); run Executor(1) }
