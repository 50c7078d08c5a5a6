/* A plugin for QEMU that counts the instructions a program executes, and writes the number
 * to the standard error output when the program ends.
 *
 * Debian ships no header for plugins: the five functions used are declared here as
 * QEMU 7 and 8 define them. One thread is counted correctly, more are not. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*executed)(unsigned, void *), int registers,
                                          void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);

/* The version of the interface; QEMU refuses a plugin that lacks it. */
int qemu_plugin_version = 1;

static uint64_t instructions;

static void executed(unsigned cpu, void *length)
{
    (void)cpu;
    instructions += (uintptr_t)length;
}

/* Each block of instructions, when it is translated. */
static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, executed, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void ended(uint64_t id, void *data)
{
    (void)id, (void)data;
    fprintf(stderr, "instructions %" PRIu64 "\n", instructions);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
