/* Two Lua states in a process, with the module in both: a server and a client that talk, on one thread and on two,
 * and that end in either order, with and without a word to the module.
 *
 *     states FOLDER ROUNDS
 *
 * FOLDER has server.lua and client.lua. The module is found by LUA_CPATH. Ends with 0 if all went well. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum { SECONDS_PER_ROUND = 20 };

/* What the scripts return, in the order in which it is on their states' stacks. */
enum { TALK = 1, HEAR_THE_END = 2, SHUTDOWN = 3 };

struct side {
    const char *name;
    lua_State *lua;
    /* It ends while the other one looks on. */
    bool ends_first;
    /* Calls the module's shutdown before its state is closed. */
    bool takes_leave;
    time_t deadline;
};

static time_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static void fail(const char *name, const char *what) {
    fprintf(stderr, "%s: %s\n", name, what);
    exit(1);
}

static int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int probe = socket(AF_INET, SOCK_DGRAM, 0);
    if (probe < 0 || bind(probe, (struct sockaddr *)&address, size) != 0 ||
        getsockname(probe, (struct sockaddr *)&address, &size) != 0) {
        fail("port", "none is free");
    }
    close(probe);
    return ntohs(address.sin_port);
}

static void open_side(struct side *side, const char *folder, int port) {
    char script[4096];
    snprintf(script, sizeof script, "%s/%s.lua", folder, side->name);
    side->lua = luaL_newstate();
    luaL_openlibs(side->lua);
    lua_pushinteger(side->lua, port);
    lua_setglobal(side->lua, "PORT");
    if (luaL_loadfile(side->lua, script) != 0 || lua_pcall(side->lua, 0, 3, 0) != 0) {
        fail(side->name, lua_tostring(side->lua, -1));
    }
}

/* Calls one of the script's functions, and returns whether it returned true. */
static bool call(struct side *side, int which) {
    lua_pushvalue(side->lua, which);
    if (lua_pcall(side->lua, 0, 1, 0) != 0) {
        fail(side->name, lua_tostring(side->lua, -1));
    }
    bool answer = lua_toboolean(side->lua, -1);
    lua_pop(side->lua, 1);
    if (now() > side->deadline) {
        fail(side->name, which == TALK ? "no talk in time" : "the other's end was not heard in time");
    }
    return answer;
}

static void close_side(struct side *side) {
    if (side->takes_leave) {
        call(side, SHUTDOWN);
    }
    lua_close(side->lua);
}

/* Both in turns, on this thread. */
static void take_turns(struct side *first, struct side *second) {
    bool first_is_done = false;
    bool second_is_done = false;
    while (!first_is_done || !second_is_done) {
        first_is_done = call(first, TALK);
        second_is_done = call(second, TALK);
    }
    close_side(first);
    while (!call(second, HEAR_THE_END)) {
    }
    close_side(second);
}

static void *live(void *argument) {
    struct side *side = argument;
    while (!call(side, TALK)) {
    }
    while (!side->ends_first && !call(side, HEAR_THE_END)) {
    }
    close_side(side);
    return NULL;
}

static void live_at_once(struct side *first, struct side *second) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, live, first) != 0) {
        fail(first->name, "no thread");
    }
    live(second);
    pthread_join(thread, NULL);
}

int main(int count, char **arguments) {
    if (count != 3) {
        fail("usage", "states FOLDER ROUNDS");
    }
    int rounds = atoi(arguments[2]);
    for (int round = 0; round < rounds; round++) {
        time_t deadline = now() + SECONDS_PER_ROUND;
        bool on_two_threads = round & 1;
        /* Only once the client is thanked has everything been said. So on two threads, where neither side knows of
         * the other, it is the one to end. */
        bool server_ends_first = (round & 2) && !on_two_threads;
        bool takes_leave = round & 4;
        struct side server = {"server", NULL, server_ends_first, takes_leave, deadline};
        struct side client = {"client", NULL, !server_ends_first, takes_leave, deadline};
        int port = free_port();
        open_side(&server, arguments[1], port);
        open_side(&client, arguments[1], port);
        struct side *first = server_ends_first ? &server : &client;
        struct side *second = server_ends_first ? &client : &server;
        if (on_two_threads) {
            live_at_once(first, second);
        } else {
            take_turns(first, second);
        }
    }
    printf("%d rounds\n", rounds);
    return 0;
}
