/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What GetInterfaceDescription answers. io.metad.varlink is taken in by the assembler, so that the
 * file that is installed and the one that is served cannot differ.
 */
#include "interface.h"

__asm__(".pushsection .rodata\n"
	".global interface_metad\n"
	"interface_metad:\n"
	".incbin \"" INTERFACE_FILE "\"\n"
	".byte 0\n"
	".popsection\n");

const char interface_service[] =
	"# Every varlink service answers this.\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (\n"
	"\tvendor: string,\n"
	"\tproduct: string,\n"
	"\tversion: string,\n"
	"\turl: string,\n"
	"\tinterfaces: []string\n"
	")\n"
	"\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n"
	"error ExpectedUpgrade ()\n";
