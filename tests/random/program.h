/* Random programs that get hot: loops, calls, returns, dispatch through tables, atomics, stores into code, all rows of insn.def in
 * between. A program is a page of decisions (struct program) made from one number; program_place puts it into a world. */
#ifndef TESTS_RANDOM_PROGRAM_H
#define TESTS_RANDOM_PROGRAM_H

#include "tests/fuzz/guest.h"
#include "cpu/insn.h"

#define PROGRAM_CODE_BYTES (CODE_PAGES * 0x1000u)
#define PROGRAM_PIECES_MAX 4096

enum regime { BARE, SV39, SV48, SV57, REGIME_COUNT };

struct program {
    uint64_t seed;
    /* the machine */
    unsigned harts;
    struct world_engine engine; /* of the translating world; the other one differs in that it does not translate */
    /* where it begins */
    enum priv priv;
    bool virt;
    enum regime regime, guest_regime; /* of the first stage; of the second one, Sv39x4 and so on */
    uint8_t flavour;                  /* of page tables: what place_tables may break */
    bool modifies_itself;
    bool random_pmp;
    bool random_csrs; /* also writes CSRs that lead it astray */
    unsigned frm;
    /* how it runs */
    unsigned steps;         /* instructions of all harts together */
    unsigned slice_longest; /* of a run without looking up; in turns of several harts the same for both engines */
    unsigned event_every;   /* 0: nothing from outside */
    unsigned sweep_from; /* not 0: it is run again and again, with a timer interrupt one instruction later each time */
    /* what it runs */
    uint8_t code[PROGRAM_CODE_BYTES];
    struct piece {
        uint16_t at;
        uint8_t bytes;
    } pieces[PROGRAM_PIECES_MAX]; /* instructions in order of address */
    unsigned piece_count;
    uint32_t entry[WORLD_HARTS];
    uint64_t pool[8]; /* what the registers for addresses are loaded with */
    uint32_t pool_at; /* offset in code */
};

/* The n-th program. */
void program_make(struct program *p, uint64_t seed);
/* Sets a world up for it; `translating`: with the engine that the program asks for. */
void program_place(const struct program *p, struct world *w, bool translating);
/* Instruction i does nothing any more. */
void program_erase(struct program *p, unsigned piece);
/* Its decisions and its instructions, those that were erased left out. */
void program_print(const struct program *p, FILE *to);

#endif
