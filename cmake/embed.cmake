# SPDX-License-Identifier: Apache-2.0
# cmake "-DINPUT=FILE[|FILE...]" -DOUTPUT=FILE.c -DNAME=C_NAME -DHEADER=FOLDER/FILE.h -P embed.cmake
# The bytes of files, one behind the other, as a C string constant.
string(REPLACE "|" ";" inputs "${INPUT}")
set(bytes "")
foreach(input IN LISTS inputs)
	file(READ ${input} more HEX)
	string(APPEND bytes ${more})
endforeach()
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\nconst char ${NAME}[] = {\n${bytes}0\n};\n")
