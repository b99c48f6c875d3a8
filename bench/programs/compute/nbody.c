/* Gravity between seven bodies, integrated with the kick-drift-kick leapfrog; the total energy must keep. */
#include "bench.h"

#define BODIES 7

struct body {
    double place[3], speed[3], mass;
};

static struct body bodies[BODIES];

static double square_root(double value)
{
    double root;
    __asm__("fsqrt.d %0, %1" : "=f"(root) : "f"(value));
    return root;
}

static double distance_squared(const struct body *x, const struct body *y)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) sum += (x->place[i] - y->place[i]) * (x->place[i] - y->place[i]);
    return sum;
}

static double energy(void)
{
    double sum = 0;
    for (int i = 0; i < BODIES; i++) {
        const struct body *x = &bodies[i];
        for (int k = 0; k < 3; k++) sum += 0.5 * x->mass * x->speed[k] * x->speed[k];
        for (int j = 0; j < i; j++) sum -= x->mass * bodies[j].mass / square_root(distance_squared(x, &bodies[j]));
    }
    return sum;
}

static void kick(double dt)
{
    for (int i = 0; i < BODIES; i++)
        for (int j = i + 1; j < BODIES; j++) {
            struct body *x = &bodies[i], *y = &bodies[j];
            double square = distance_squared(x, y);
            double pull = dt / (square * square_root(square));
            for (int k = 0; k < 3; k++) {
                double apart = x->place[k] - y->place[k];
                x->speed[k] -= apart * y->mass * pull;
                y->speed[k] += apart * x->mass * pull;
            }
        }
}

static void drift(double dt)
{
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++) bodies[i].place[k] += dt * bodies[i].speed[k];
}

/* A heavy sun and six light planets on nearly circular orbits. */
static void setup(void)
{
    uint64_t seed = 11;
    bodies[0] = (struct body){.mass = 40};
    for (int i = 1; i < BODIES; i++) {
        double radius = 1.5 * i, tilt = (double)(bench_random(&seed) >> 11) * 0x1p-53 * 0.1;
        double speed = square_root(bodies[0].mass / radius);
        int axis = i & 1;
        bodies[i].mass = 0.001 * (1 + i);
        bodies[i].place[axis] = radius;
        bodies[i].place[2] = tilt;
        bodies[i].speed[1 - axis] = speed;
    }
}

static uint64_t run(uint64_t rounds)
{
    const double dt = 0.0005;
    double before = energy();
    for (uint64_t round = 0; round < rounds; round++) {
        kick(dt / 2);
        drift(dt);
        kick(dt / 2);
    }
    double change = (energy() - before) / before;
    if (!(change < 1e-4 && change > -1e-4)) bench_fail("the energy did not keep");
    uint64_t sum = 0;
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++) sum = bench_mix(sum, bench_bits(bodies[i].place[k]));
    return sum;
}

const struct bench_program bench_program = {.name = "nbody", .rounds = 80000, .setup = setup, .run = run};
