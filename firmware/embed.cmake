# cmake -DINPUT=firmware.bin -DOUTPUT=firmware_image.c -P embed.cmake: turns the flat image into C source.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR bytes "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUTPUT} "#include \"firmware/firmware.h\"\n\n"
  "const uint8_t orrery_firmware_image[] = {\n${hex}};\nconst size_t orrery_firmware_image_len = ${bytes};\n"
  "_Static_assert(sizeof orrery_firmware_image <= ORRERY_FIRMWARE_SIZE, \"the image outgrew its memory\");\n")
