/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What GetInterfaceDescription answers. The text of io.metad.varlink is made of that very file, so
 * that the one that is installed and the one that is served cannot differ.
 */
#include "front/interface.h"

const char interface_metad[] =
#include "interface_text.h"
	;

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
