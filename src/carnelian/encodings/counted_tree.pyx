"""Counted B+tree; see counted_tree.pxd for the nodes, the shape that holds, and who owns what."""

from libc.stdint cimport uint32_t
from libc.stdlib cimport abort
from libc.string cimport memmove, memset

from carnelian.base.memory cimport mem_alloc, mem_free, mem_usable
from carnelian.base.native cimport prefetch
from carnelian.encodings.member cimport (
    CUT_BY_MEMBER, CUT_BY_SCORE, Cut, Member, before_cut, cut_both, member_slice,
)


cdef enum:
    LEAF_MIN = LEAF_CAP // 4
    INNER_MIN = INNER_CAP // 4
    LEAF_MERGED_MAX = LEAF_CAP * 3 // 4
    INNER_MERGED_MAX = INNER_CAP * 3 // 4
    ROOM_TO_SHARE = 8          # free places that make giving to a neighbour better than splitting
    PROBES = 8


# -------------------------------------------------------------------------------------------- nodes

cdef Leaf *leaf_new(Tree *t) noexcept nogil:
    cdef Leaf *leaf = <Leaf *>mem_alloc(sizeof(Leaf))
    leaf.count = 0
    leaf.next = NULL
    leaf.previous = NULL
    t.bytes += mem_usable(leaf)
    return leaf


cdef Inner *inner_new(Tree *t) noexcept nogil:
    cdef Inner *node = <Inner *>mem_alloc(sizeof(Inner))
    node.count = 0
    t.bytes += mem_usable(node)
    return node


cdef void node_free(Tree *t, void *node) noexcept nogil:
    t.bytes -= mem_usable(node)
    mem_free(node)


cdef void leaf_move(Leaf *to, int at, Leaf *source, int first, int n) noexcept nogil:
    memmove(&to.items[at], &source.items[first], n * sizeof(Member *))


cdef void inner_move(Inner *to, int at, Inner *source, int first, int n) noexcept nogil:
    memmove(&to.counts[at], &source.counts[first], n * sizeof(size_t))
    memmove(&to.scores[at], &source.scores[first], n * sizeof(double))
    memmove(&to.lows[at], &source.lows[first], n * sizeof(Member *))
    memmove(&to.children[at], &source.children[first], n * sizeof(void *))


cdef inline void set_low(Inner *node, int i, Member *m) noexcept nogil:
    node.lows[i] = m
    node.scores[i] = m.score


cdef size_t sum_counts(const Inner *node, int first, int end) noexcept nogil:
    cdef size_t sum = 0
    cdef int i
    for i in range(first, end):
        sum += node.counts[i]
    return sum


cdef void raise_low(Path *path, int depth, Member *m) noexcept nogil:
    """`m` is now the first member below the path's child of the node at `depth`."""
    while depth >= 0:
        set_low(path.steps[depth].node, path.steps[depth].index, m)
        if path.steps[depth].index:
            return
        depth -= 1


cdef void tree_init(Tree *t) noexcept nogil:
    memset(t, 0, sizeof(Tree))


cdef void free_below(void *node, int height, bint free_members) noexcept nogil:
    cdef Inner *inner = <Inner *>node
    cdef Leaf *leaf = <Leaf *>node
    cdef int i
    if height:
        for i in range(<int>inner.count):
            free_below(inner.children[i], height - 1, free_members)
    elif free_members:
        for i in range(<int>leaf.count):
            if i + 4 < <int>leaf.count:
                prefetch(leaf.items[i + 4])
            mem_free(leaf.items[i])
    mem_free(node)


cdef void tree_clear(Tree *t, bint free_members) noexcept nogil:
    if t.root != NULL:
        free_below(t.root, t.height, free_members)
    tree_init(t)


# ------------------------------------------------------------------------------------------ seeking

cdef int inner_seek(const Inner *node, const Cut *cut) noexcept nogil:
    """The last child that starts before the cut; child 0 if none does."""
    cdef int low = 1
    cdef int high = <int>node.count
    cdef int n = high - 1
    cdef int half
    if cut.by != CUT_BY_MEMBER:
        while n > 0:
            half = n >> 1
            if node.scores[low + half] < cut.score:
                low += half + 1
                n -= half + 1
            else:
                n = half
        if low == high or node.scores[low] != cut.score:
            return low - 1
        if cut.by == CUT_BY_SCORE and not cut.after:
            return low - 1
    while low < high:
        half = (low + high) >> 1
        if before_cut(node.scores[half], member_slice(node.lows[half]), cut):
            low = half + 1
        else:
            high = half
    return low - 1


cdef int leaf_seek(const Leaf *leaf, const Cut *cut) noexcept nogil:
    """How many members of the leaf lie before the cut.

    Members are scattered over memory, so the probes of three steps of the search are fetched
    together: a leaf costs two waits for memory, not six.
    """
    cdef int low = 0
    cdef int n = <int>leaf.count
    cdef int step
    cdef int left
    cdef int right
    cdef int k
    cdef const Member *m
    while n > 0:
        step = (n + PROBES - 1) // PROBES
        k = step - 1
        while k < n:
            prefetch(leaf.items[low + k])
            k += step
        left = 0
        right = n // step
        while left < right:
            k = (left + right) >> 1
            m = leaf.items[low + k * step + step - 1]
            if before_cut(m.score, member_slice(m), cut):
                left = k + 1
            else:
                right = k
        low += left * step
        n -= left * step
        if n > step - 1:
            n = step - 1
    return low


cdef void tree_seek(Tree *t, const Cut *cut, Path *path) noexcept nogil:
    cdef void *node = t.root
    cdef int depth
    cdef int i
    path.leaf = NULL
    path.index = 0
    if node == NULL:
        return
    for depth in range(t.height):
        i = inner_seek(<Inner *>node, cut)
        path.steps[depth].node = <Inner *>node
        path.steps[depth].index = i
        node = (<Inner *>node).children[i]
    path.leaf = <Leaf *>node
    path.index = leaf_seek(path.leaf, cut)


cdef void tree_seek_rank(Tree *t, size_t rank, Path *path) noexcept nogil:
    cdef void *node = t.root
    cdef Inner *inner
    cdef int depth
    cdef int i
    for depth in range(t.height):
        inner = <Inner *>node
        i = 0
        while rank >= inner.counts[i]:
            rank -= inner.counts[i]
            i += 1
        path.steps[depth].node = inner
        path.steps[depth].index = i
        node = inner.children[i]
    path.leaf = <Leaf *>node
    path.index = <int>rank


cdef size_t tree_rank(Tree *t, const Path *path) noexcept nogil:
    cdef size_t rank = <size_t>path.index
    cdef int depth
    if path.leaf == NULL:
        return 0
    for depth in range(t.height):
        rank += sum_counts(path.steps[depth].node, 0, path.steps[depth].index)
    return rank


# ---------------------------------------------------------------------------------------- inserting

cdef void add_child(Inner *node, int at, void *child, size_t count) noexcept nogil:
    """Room for it must be there; the caller sets the low."""
    inner_move(node, at + 1, node, at, <int>node.count - at)
    node.counts[at] = count
    node.children[at] = child
    node.count += 1


cdef void grow_root(Tree *t, Path *path) noexcept nogil:
    cdef Inner *root
    if t.height == DEPTH_MAX:
        abort()                 # cannot be: a quarter-full tree of this height exceeds any memory
    root = inner_new(t)
    root.count = 1
    root.counts[0] = t.count
    root.children[0] = t.root
    set_low(root, 0, t.first.items[0])
    memmove(&path.steps[1], &path.steps[0], t.height * sizeof(Step))
    path.steps[0].node = root
    path.steps[0].index = 0
    t.root = root
    t.height += 1


cdef void split_inner(Tree *t, Path *path, int depth, int at) noexcept nogil:
    """Move the children from `at` on to a new right neighbour. The parent must have room."""
    cdef Inner *node = path.steps[depth].node
    cdef Inner *parent = path.steps[depth - 1].node
    cdef Inner *right = inner_new(t)
    cdef int i = path.steps[depth - 1].index
    cdef size_t moved = sum_counts(node, at, <int>node.count)
    inner_move(right, 0, node, at, <int>node.count - at)
    right.count = node.count - at
    node.count = at
    parent.counts[i] -= moved
    add_child(parent, i + 1, right, moved)
    parent.lows[i + 1] = right.lows[0]
    parent.scores[i + 1] = right.scores[0]
    if path.steps[depth].index >= at:
        path.steps[depth].node = right
        path.steps[depth].index -= at
        path.steps[depth - 1].index += 1


cdef void split_leaf(Tree *t, Path *path, int at, bint stay) noexcept nogil:
    """Move the members from `at` on to a new right neighbour. The parent must have room.

    A path that is exactly there stays or goes along; its side may be empty until the insert.
    """
    cdef Leaf *leaf = path.leaf
    cdef Leaf *right = leaf_new(t)
    cdef Inner *parent = path.steps[t.height - 1].node
    cdef int i = path.steps[t.height - 1].index
    cdef int moved = <int>leaf.count - at
    leaf_move(right, 0, leaf, at, moved)
    right.count = moved
    leaf.count = at
    right.previous = leaf
    right.next = leaf.next
    if leaf.next != NULL:
        leaf.next.previous = right
    else:
        t.last = right
    leaf.next = right
    parent.counts[i] = at
    add_child(parent, i + 1, right, moved)
    if moved:
        set_low(parent, i + 1, right.items[0])
    if path.index > at or (path.index == at and not stay):
        path.leaf = right
        path.index -= at
        path.steps[t.height - 1].index += 1


cdef void give_right(Tree *t, Path *path, int n) noexcept nogil:
    """Move the last `n` members of the path's leaf to its right neighbour."""
    cdef Inner *parent = path.steps[t.height - 1].node
    cdef int i = path.steps[t.height - 1].index
    cdef Leaf *leaf = path.leaf
    cdef Leaf *right = leaf.next
    leaf_move(right, n, right, 0, right.count)
    leaf.count -= n
    leaf_move(right, 0, leaf, leaf.count, n)
    right.count += n
    parent.counts[i] -= n
    parent.counts[i + 1] += n
    set_low(parent, i + 1, right.items[0])
    if path.index > <int>leaf.count:
        path.leaf = right
        path.index -= leaf.count
        path.steps[t.height - 1].index += 1


cdef void give_left(Tree *t, Path *path, int n) noexcept nogil:
    """Move the first `n` members of the path's leaf to its left neighbour."""
    cdef Inner *parent = path.steps[t.height - 1].node
    cdef int i = path.steps[t.height - 1].index
    cdef Leaf *leaf = path.leaf
    cdef Leaf *left = leaf.previous
    leaf_move(left, left.count, leaf, 0, n)
    leaf.count -= n
    leaf_move(leaf, 0, leaf, n, leaf.count)
    left.count += n
    parent.counts[i] -= n
    parent.counts[i - 1] += n
    set_low(parent, i, leaf.items[0])
    if path.index <= n:
        path.leaf = left
        path.index += left.count - n
        path.steps[t.height - 1].index -= 1
    else:
        path.index -= n


cdef bint share(Tree *t, Path *path) noexcept nogil:
    """Make room in a full leaf by giving members to a neighbour under the same parent."""
    cdef Inner *parent = path.steps[t.height - 1].node
    cdef int i = path.steps[t.height - 1].index
    cdef int room_left = LEAF_CAP - <int>parent.counts[i - 1] if i else 0
    cdef int room_right = LEAF_CAP - <int>parent.counts[i + 1] if i + 1 < <int>parent.count else 0
    if room_left < ROOM_TO_SHARE and room_right < ROOM_TO_SHARE:
        return False
    if room_left > room_right:
        give_left(t, path, room_left >> 1)
    else:
        give_right(t, path, room_right >> 1)
    return True


cdef void make_room(Tree *t, Path *path) noexcept nogil:
    """The path's leaf is full; afterwards it leads to the same place in one that is not."""
    cdef bint rightmost = path.leaf == t.last and path.index > LEAF_CAP * 3 // 4
    cdef bint leftmost = path.leaf == t.first and path.index < LEAF_CAP // 4
    cdef int at
    cdef int depth
    if t.height and not rightmost and not leftmost and share(t, path):
        return
    depth = t.height - 1
    while depth >= 0 and path.steps[depth].node.count == INNER_CAP:
        depth -= 1
    if depth < 0:
        grow_root(t, path)
        depth = 0
    at = INNER_CAP - 1 if rightmost else 1 if leftmost else INNER_CAP // 2
    while depth < t.height - 1:
        depth += 1
        split_inner(t, path, depth, at)
    at = path.index if rightmost or leftmost else LEAF_CAP // 2
    split_leaf(t, path, at, leftmost)


cdef void tree_insert(Tree *t, Member *m) noexcept nogil:
    cdef Cut cut = cut_both(m.score, member_slice(m), False)
    cdef Path path
    cdef Leaf *leaf
    cdef int depth
    tree_seek(t, &cut, &path)
    if path.leaf == NULL:
        t.root = t.first = t.last = path.leaf = leaf_new(t)
    elif path.leaf.count == LEAF_CAP:
        make_room(t, &path)
    leaf = path.leaf
    leaf_move(leaf, path.index + 1, leaf, path.index, <int>leaf.count - path.index)
    leaf.items[path.index] = m
    leaf.count += 1
    t.count += 1
    for depth in range(t.height):
        path.steps[depth].node.counts[path.steps[depth].index] += 1
    if path.index == 0:
        raise_low(&path, t.height - 1, m)


# ----------------------------------------------------------------------------------------- removing

cdef void drop_child(Inner *node, int i) noexcept nogil:
    node.count -= 1
    inner_move(node, i, node, i + 1, <int>node.count - i)


cdef void unlink_leaf(Tree *t, Leaf *leaf) noexcept nogil:
    if leaf.previous != NULL:
        leaf.previous.next = leaf.next
    else:
        t.first = leaf.next
    if leaf.next != NULL:
        leaf.next.previous = leaf.previous
    else:
        t.last = leaf.previous
    node_free(t, leaf)


cdef void merge(Tree *t, Inner *parent, int i, bint leaves) noexcept nogil:
    """Child i takes everything in child i + 1, which goes."""
    cdef Leaf *leaf = <Leaf *>parent.children[i]
    cdef Leaf *next_leaf = <Leaf *>parent.children[i + 1]
    cdef Inner *inner = <Inner *>leaf
    cdef Inner *next_inner = <Inner *>next_leaf
    if leaves:
        leaf_move(leaf, leaf.count, next_leaf, 0, next_leaf.count)
        leaf.count += next_leaf.count
        unlink_leaf(t, next_leaf)
    else:
        inner_move(inner, inner.count, next_inner, 0, next_inner.count)
        inner.count += next_inner.count
        node_free(t, next_inner)
    parent.counts[i] += parent.counts[i + 1]
    drop_child(parent, i + 1)


cdef void level_leaves(Inner *parent, int i) noexcept nogil:
    """Spread what leaves i and i + 1 hold evenly over both."""
    cdef Leaf *a = <Leaf *>parent.children[i]
    cdef Leaf *b = <Leaf *>parent.children[i + 1]
    cdef int n = (<int>a.count - <int>b.count) // 2
    if n > 0:
        leaf_move(b, n, b, 0, b.count)
        leaf_move(b, 0, a, <int>a.count - n, n)
    else:
        leaf_move(a, a.count, b, 0, -n)
        leaf_move(b, 0, b, -n, <int>b.count + n)
    a.count -= n
    b.count += n
    parent.counts[i] = a.count
    parent.counts[i + 1] = b.count
    set_low(parent, i + 1, b.items[0])


cdef void level_inners(Inner *parent, int i) noexcept nogil:
    cdef Inner *a = <Inner *>parent.children[i]
    cdef Inner *b = <Inner *>parent.children[i + 1]
    cdef int n = (<int>a.count - <int>b.count) // 2
    cdef size_t below = parent.counts[i] + parent.counts[i + 1]
    if n > 0:
        inner_move(b, n, b, 0, b.count)
        inner_move(b, 0, a, <int>a.count - n, n)
    else:
        inner_move(a, a.count, b, 0, -n)
        inner_move(b, 0, b, -n, <int>b.count + n)
    a.count -= n
    b.count += n
    parent.counts[i] = sum_counts(a, 0, a.count)
    parent.counts[i + 1] = below - parent.counts[i]
    set_low(parent, i + 1, b.lows[0])


cdef inline int child_size(const Inner *parent, int i, bint leaves) noexcept nogil:
    return <int>parent.counts[i] if leaves else <int>(<Inner *>parent.children[i]).count


cdef bint settle(Tree *t, Inner *parent, int i, bint leaves) noexcept nogil:
    """Restore the shape after child i lost something; whether the parent lost a child by it."""
    cdef int size = child_size(parent, i, leaves)
    cdef int other
    cdef int size_other
    if size == 0:
        if leaves:
            unlink_leaf(t, <Leaf *>parent.children[i])
        else:
            node_free(t, parent.children[i])
        drop_child(parent, i)
        return True
    if size >= (LEAF_CAP // 2 if leaves else INNER_CAP // 2) or parent.count == 1:
        return False
    other = i + 1
    if i + 1 == <int>parent.count or (
        i and child_size(parent, i - 1, leaves) < child_size(parent, i + 1, leaves)
    ):
        other = i - 1
    size_other = child_size(parent, other, leaves)
    if other < i:
        i = other
    if size + size_other <= (LEAF_MERGED_MAX if leaves else INNER_MERGED_MAX):
        merge(t, parent, i, leaves)
        return True
    if leaves and size < LEAF_MIN:
        level_leaves(parent, i)
    elif not leaves and size < INNER_MIN:
        level_inners(parent, i)
    return False


cdef void tree_remove(Tree *t, Path *path, int n) noexcept nogil:
    cdef Leaf *leaf = path.leaf
    cdef Inner *node
    cdef int depth
    leaf.count -= n
    t.count -= n
    leaf_move(leaf, path.index, leaf, path.index + n, <int>leaf.count - path.index)
    for depth in range(t.height):
        path.steps[depth].node.counts[path.steps[depth].index] -= n
    if path.index == 0 and leaf.count:
        raise_low(path, t.height - 1, leaf.items[0])
    if leaf.count >= LEAF_CAP // 2:
        return
    depth = t.height - 1
    while depth >= 0:
        node = path.steps[depth].node
        if not settle(t, node, path.steps[depth].index, depth == t.height - 1):
            break
        if depth and node.count and path.steps[depth].index == 0:
            raise_low(path, depth - 1, node.lows[0])
        depth -= 1
    while t.height and (<Inner *>t.root).count == 1:
        node = <Inner *>t.root
        t.root = node.children[0]
        t.height -= 1
        node_free(t, node)
    if t.count == 0:
        node_free(t, t.root)
        t.root = t.first = t.last = NULL


cdef bint tree_rescore(Tree *t, Path *path, double score) noexcept nogil:
    cdef Leaf *leaf = path.leaf
    cdef int i = path.index
    cdef Member *m = leaf.items[i]
    cdef Member *before = leaf.items[i - 1] if i else NULL
    cdef Member *after = leaf.items[i + 1] if i + 1 < <int>leaf.count else NULL
    cdef Cut cut = cut_both(score, member_slice(m), False)
    if before == NULL and leaf.previous != NULL:
        before = leaf.previous.items[leaf.previous.count - 1]
    if after == NULL and leaf.next != NULL:
        after = leaf.next.items[0]
    if before != NULL and not before_cut(before.score, member_slice(before), &cut):
        return False
    if after != NULL and before_cut(after.score, member_slice(after), &cut):
        return False
    m.score = score
    if i == 0:
        raise_low(path, t.height - 1, m)
    return True


# ---------------------------------------------------------------------------------------- verifying

cdef struct Audit:
    Tree *tree
    Leaf *leaf                 # the last one seen
    size_t bytes


cdef bint verify_leaf(Audit *audit, Leaf *leaf) noexcept nogil:
    cdef Member *m
    cdef Member *last = NULL
    cdef Cut cut
    cdef uint32_t i
    cdef bint at_end = leaf == audit.tree.first or leaf == audit.tree.last
    if leaf.count > LEAF_CAP or leaf.count < (1 if at_end else LEAF_MIN):
        return False
    if leaf.previous != audit.leaf or (audit.leaf != NULL and audit.leaf.next != leaf):
        return False
    if audit.leaf == NULL:
        if audit.tree.first != leaf:
            return False
    else:
        last = audit.leaf.items[audit.leaf.count - 1]
    for i in range(leaf.count):
        m = leaf.items[i]
        cut = cut_both(m.score, member_slice(m), False)
        if last != NULL and not before_cut(last.score, member_slice(last), &cut):
            return False
        last = m
    audit.leaf = leaf
    audit.bytes += mem_usable(leaf)
    return True


cdef bint verify_node(Audit *audit, void *p, int height, bint at_end, size_t *count) noexcept nogil:
    """Counts the members below the node and checks everything in it and below."""
    cdef Inner *node = <Inner *>p
    cdef void *down
    cdef size_t below
    cdef int i
    if height == 0:
        count[0] = (<Leaf *>p).count
        return verify_leaf(audit, <Leaf *>p)
    if node.count > INNER_CAP or node.count < (1 if at_end else INNER_MIN):
        return False
    count[0] = 0
    for i in range(<int>node.count):
        if not verify_node(
            audit, node.children[i], height - 1,
            at_end and (i == 0 or i + 1 == <int>node.count), &below,
        ):
            return False
        down = node.children[i]
        for _ in range(height - 1):
            down = (<Inner *>down).children[0]
        if node.lows[i] != (<Leaf *>down).items[0] or node.scores[i] != node.lows[i].score:
            return False
        if node.counts[i] != below:
            return False
        count[0] += below
    audit.bytes += mem_usable(node)
    return True


cdef bint tree_verify(Tree *t) noexcept nogil:
    """Audit of the whole tree: order, shape, counts, copies of scores, links and bytes."""
    cdef Audit audit
    cdef size_t count
    if t.root == NULL:
        return t.count == 0 and t.bytes == 0 and t.height == 0 and t.first == t.last == NULL
    if t.height and (<Inner *>t.root).count < 2:
        return False
    audit.tree = t
    audit.leaf = NULL
    audit.bytes = 0
    if not verify_node(&audit, t.root, t.height, True, &count):
        return False
    return (
        count == t.count and audit.bytes == t.bytes and audit.leaf == t.last
        and audit.leaf.next == NULL
    )
