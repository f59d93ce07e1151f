#include "saga_proto.h"
typedef int saga_proto_placeholder;
