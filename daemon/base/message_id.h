/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * One identifier for each type of message, for the life of metad: scripts wait for them, and the
 * journal shows what systemd/metad.catalog says of them. A new type is a new one (systemd-id128 new).
 */

#define MESSAGE_STARTED "f0211314027e480c95c40758230c7345" /* metad has begun to listen */
#define MESSAGE_NOT_STARTED "4d3052d32887402d97efcaef1fdd5188"
#define MESSAGE_STOPPED "80faac45ebac43589bfd6f15f1827c1d" /* metad ends; what it made stays */
#define MESSAGE_KINDS "1218ce38c05749c4a8f6bdc85a68d4b2" /* which kinds of devices work here */
#define MESSAGE_CONFIG_READ "7cb08749e3be4437805495f903c31e4f" /* what was read is in force */
#define MESSAGE_CONFIG_BROKEN "dbd1a6da0ee746b9925f67e7aac44e05" /* something is wrong with a file */
#define MESSAGE_CONFIG_SOUND "6ce27a5e1b604c30824fd385f0c7b332" /* nothing is wrong with any file any more */
#define MESSAGE_REFUSED "a58830622e34494095463a9ed2ebe302" /* somebody may not do what he asked for */
#define MESSAGE_PAIR_CREATED "a4b57af503864ca8b9ac41da8e4c6807"
#define MESSAGE_PAIR_READY "8b545185d76c4d70970ca64296cc729c"
#define MESSAGE_PAIR_CHANGED "e7271afb8c9f4c209b281fdf41f04ccf" /* as somebody declared */
#define MESSAGE_PAIR_REPAIRED "a7e77d5efdb44829beb9d70cc83e4481" /* what somebody else undid was put back */
#define MESSAGE_PAIR_DELETED "fafb570b49b643daa76e80e5b73d2ae7"
#define MESSAGE_PAIR_FAILED "c2bedea3d6dc4e8bbd5275bb5affd435"
#define MESSAGE_PAIR_WAITING "580e0af3845e4536ad88edb95af5dab7"
#define MESSAGE_PAIR_CONFLICT "a266b7c498ff4019bf34fcf0af6e464d"
#define MESSAGE_PAIR_BLOCKED "a2cf19584045451dba3c3d97dccfb7f5"
#define MESSAGE_PAIR_HELD "14136e9896464866a6128c787ac44ff8"
#define MESSAGE_PAIR_ADOPTED "424972fc2559483baa19bbb64f573080" /* somebody else's device is metad's now */
#define MESSAGE_PAIR_RELEASED "48ea8bf0e0f34b6a8704358fe85a7ee7" /* and the opposite */
