/* Part of gen.c: comparison of the rows with the files of riscv-opcodes, one instruction per line: "add rd rs1 rs2 31..25=0 14..12=0 …". */

/* The extensions whose every instruction must have a row. */
static const char *const opcode_files[] = {
    "rv_i",       "rv64_i",   "rv_m",        "rv64_m",    "rv_a",      "rv64_a",       "rv_f",      "rv64_f",
    "rv_d",       "rv64_d",   "rv_f_zfa",    "rv_d_zfa",  "rv_zfhmin", "rv_d_zfhmin",  "rv_c",      "rv64_c",
    "rv_c_d",     "rv_zcb",   "rv64_zcb",    "rv_zba",    "rv64_zba",  "rv_zbb",       "rv64_zbb",  "rv_zbc",
    "rv_zbs",     "rv64_zbs", "rv_zicbo",    "rv_zicond", "rv_zawrs",  "rv_zihintntl", "rv_system", "rv_s",
    "rv_svinval", "rv_zicsr", "rv_zifencei", "rv_h",      "rv64_h",    "rv_svinval_h",
};
/* c.nop is a hint of c.addi; rv_f and rv_zicsr hold names of pseudo-instructions only beside their rows. */
static const char *const opcode_rowless[] = {"c.nop"};

static int row_find(const char *name)
{
    char id[64];
    snprintf(id, sizeof id, "%s", name);
    for (char *c = id; *c; c++)
        if (*c == '.') *c = '_';
    for (int i = 1; i < INSN_COUNT; i++)
        if (strcmp(rows[i].name, id) == 0) return i;
    return 0;
}

static bool is_rowless(const char *name)
{
    for (unsigned i = 0; i < sizeof opcode_rowless / sizeof opcode_rowless[0]; i++)
        if (strcmp(opcode_rowless[i], name) == 0) return true;
    return false;
}

static bool seen[INSN_COUNT];

/* One line of a file; false if it disagrees with its row or has none. */
static bool check_line(const char *file, char *line)
{
    line[strcspn(line, "#\n")] = 0;
    char *save = NULL, *word = strtok_r(line, " \t", &save);
    if (!word || strcmp(word, "$import") == 0) return true;
    bool pseudo = strcmp(word, "$pseudo_op") == 0;
    if (pseudo) {
        strtok_r(NULL, " \t", &save);
        word = strtok_r(NULL, " \t", &save);
        if (!word) return true;
    }
    const char *name = word;
    uint32_t match = 0, mask = 0;
    while ((word = strtok_r(NULL, " \t", &save))) {
        int hi, lo;
        char value[32];
        if (sscanf(word, "%d..%d=%31s", &hi, &lo, value) != 3) {
            if (sscanf(word, "%d=%31s", &hi, value) != 2) continue;
            lo = hi;
        }
        bool binary = strncmp(value, "0b", 2) == 0;
        uint32_t v = (uint32_t)strtoul(binary ? value + 2 : value, NULL, binary ? 2 : 0);
        match |= v << lo;
        mask |= (uint32_t)((UINT64_C(1) << (hi + 1)) - (UINT64_C(1) << lo));
    }
    int row = row_find(name);
    if (!row) {
        if (pseudo || is_rowless(name)) return true;
        fprintf(stderr, "%s: %s: no row\n", file, name);
        return false;
    }
    bool equal = rows[row].p.match == match && rows[row].p.mask == mask;
    if (pseudo && !equal) return true; /* another width's or another set's name for the same word */
    seen[row] = true;
    if (equal) return true;
    fprintf(stderr, "%s: %s: 0x%08x/0x%08x, but the row says 0x%08x/0x%08x\n", file, name, match, mask,
            rows[row].p.match, rows[row].p.mask);
    return false;
}

static bool check_opcodes(const char *folder)
{
    bool good = true;
    for (unsigned i = 0; i < sizeof opcode_files / sizeof opcode_files[0]; i++) {
        char path[4096], line[1024];
        snprintf(path, sizeof path, "%s/%s", folder, opcode_files[i]);
        FILE *f = fopen(path, "r");
        if (!f) {
            perror(path);
            return false;
        }
        while (fgets(line, sizeof line, f)) good &= check_line(opcode_files[i], line);
        fclose(f);
    }
    int count = 0;
    for (int i = 1; i < INSN_COUNT; i++) {
        count += seen[i];
        if (!seen[i]) {
            fprintf(stderr, "%s: in none of the files\n", rows[i].name);
            good = false;
        }
    }
    printf("%d of %d rows compared: %s\n", count, INSN_COUNT - 1, good ? "all agree" : "see above");
    return good;
}
