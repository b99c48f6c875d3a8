# From `nm -n`: the symbol table of kern/symbols.c. Functions only; offsets are from KERNEL_LINKED_AT.
$2 == "t" || $2 == "T" {
    if ($3 ~ /^\.L/ || $3 == "kernel_end") next
    address[n] = $1
    name[n++] = $3
}
END {
    print ".section .symbols, \"a\""
    print ".balign 8"
    print ".globl symbol_count, symbol_table"
    print "symbol_count: .quad " n
    print "symbol_table:"
    for (i = 0; i < n; i++) print ".quad 0x" address[i] ", name" i
    for (i = 0; i < n; i++) print "name" i ": .asciz \"" name[i] "\""
}
