/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle on a machine that is right, and on one in which one thing is wrong: it must say nothing, and
 * name that thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/manage_machine.h"

#include "drivers/vpci/row.h"

static void says(const char *expected)
{
	char text[ORACLE_TEXT_MAX];

	assert_int_equal(oracle_check(&vm, text), -EBADMSG);
	assert_string_equal(text, expected);
}

static u32 kind_add(u16 bdf, enum pci_ref_kind kind, u32 by)
{
	atomic_fetch_add(&device(bdf)->refs.n, by);
	return atomic_fetch_add(&device(bdf)->refs_by_kind[kind], by);
}

/* ---- counts ---- */

static void count_without_a_kind(void **state)
{
	atomic_fetch_add(&device(NIC)->refs.n, 1);
	says("0000:00:02.0: kinds add up to 3, count is 4");
	atomic_fetch_sub(&device(NIC)->refs.n, 1);
	atomic_fetch_add(&device(NIC)->refs_by_kind[PCI_REF_WORK], 2);
	says("0000:00:02.0: kinds add up to 5, count is 3");
	atomic_fetch_sub(&device(NIC)->refs_by_kind[PCI_REF_WORK], 2);
	oracle_is_content();
}

static void base_and_owner(void **state)
{
	kind_add(NIC, PCI_REF_OWNER, 1);
	says("0000:00:02.0: LIVE with 1 base and 2 owner references");
	kind_add(NIC, PCI_REF_OWNER, (u32)-1);
	kind_add(PF, PCI_REF_BASE, 1);
	says("0000:00:07.0: LIVE with 2 base and 1 owner references");
	kind_add(PF, PCI_REF_BASE, (u32)-1);
	oracle_is_content();
}

static void each_kind_stands_for_something(void **state)
{
	static const struct {
		enum pci_ref_kind kind;
		const char *line;
	} wrong[] = {
		{ PCI_REF_VPCI, "0000:00:02.0: 2 vpci references, 1 virtual configuration spaces" },
		{ PCI_REF_MSI, "0000:00:02.0: 1 msi references, 0 message descriptors" },
		{ PCI_REF_ATS, "0000:00:02.0: 1 ats references, 0 places on a unit's ATS list" },
		{ PCI_REF_PF, "0000:00:02.0: 1 pf references, 0 virtual functions" },
		{ PCI_REF_PARENT, "0000:00:02.0: 1 parent references, 0 devices behind it" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		kind_add(NIC, wrong[i].kind, 1);
		says(wrong[i].line);
		kind_add(NIC, wrong[i].kind, (u32)-1);
	}
	oracle_is_content();
}

/* A reference that somebody keeps is no breach: operations do. */
static void held(void **state)
{
	kind_add(NIC, PCI_REF_WORK, 1);
	oracle_is_content();
	kind_add(NIC, PCI_REF_WORK, (u32)-1);
}

/* ---- slots and states ---- */

static void slot_of_another(void **state)
{
	struct pci_dev *dev = device(NIC);

	dev->sbdf.bdf = PCI_BDF(0, 8, 0);
	says("0000:00:02.0: its slot holds 0000:00:08.0");
	dev->sbdf.bdf = NIC;
	oracle_is_content();
}

static void state_unknown(void **state)
{
	struct pci_dev *dev = device(NIC);

	atomic_store(&dev->state, 7);
	says("0000:00:02.0: state 7, owner 1");
	atomic_store(&dev->state, PCI_LIVE);
	oracle_is_content();
}

/* DYING, and still with what only a remove drops. */
static void dying_and_held(void **state)
{
	struct pci_dev *dev = device(NIC);

	atomic_store(&dev->state, PCI_DYING);
	says("0000:00:02.0: DYING with 1 base and 1 owner references");
	atomic_store(&dev->state, PCI_LIVE);
}

/* ---- flags ---- */

static void flags(void **state)
{
	struct pci_dev *dev = device(NIC);

	atomic_store(&dev->flags, PCI_FLAG_HIDDEN);
	says("0000:00:02.0: hidden, and the guest's");
	atomic_store(&dev->flags, PCI_FLAG_WAITS);
	says("0000:00:02.0: waits to be taken from the guest, and nobody has claimed it");
	atomic_store(&dev->flags, PCI_FLAG_QUARANTINED);
	says("0000:00:02.0: the guest's, and flagged as blocked");
	atomic_store(&dev->flags, 0);
	oracle_is_content();
}

/* ---- lists ---- */

static void owner_of_another_list(void **state)
{
	atomic_store(&device(PF)->owner, PCI_OWNER_GUEST);
	says("0000:00:07.0: on the list of quarantine, owned by guest");
	atomic_store(&device(PF)->owner, PCI_OWNER_QUARANTINE);
	oracle_is_content();
}

static void on_no_list(void **state)
{
	struct pci_domain *dom = pci_domain(PCI_OWNER_QUARANTINE);
	struct pci_dev *dev = device(PF);

	pci_domain_lock(dom);
	pci_domain_unlink(dom, dev);
	pci_domain_unlock(dom);
	says("the list of quarantine has 1 devices, it owns 2");
	pci_domain_lock(dom);
	pci_domain_link(dom, dev);
	dom->count++;
	pci_domain_unlock(dom);
	says("the list of quarantine has 2 devices, its count is 3");
	pci_domain_lock(dom);
	dom->count--;
	dev->listed = false;
	pci_domain_unlock(dom);
	says("0000:00:07.0: the list of quarantine is torn");
	pci_domain_lock(dom);
	dev->listed = true;
	dev->domain_prev = NULL;
	pci_domain_unlock(dom);
	says("0000:00:07.0: the list of quarantine is torn");
	pci_domain_lock(dom);
	dev->domain_prev = device(PLAIN);
	dom->last = device(PLAIN);
	pci_domain_unlock(dom);
	says("the list of quarantine has 2 devices, its count is 2");
	pci_domain_lock(dom);
	dom->last = dev;
	pci_domain_unlock(dom);
	oracle_is_content();
}

/* A list that runs in a circle does not hang the oracle. */
static void list_in_a_circle(void **state)
{
	struct pci_domain *dom = pci_domain(PCI_OWNER_QUARANTINE);

	pci_domain_lock(dom);
	dom->last->domain_next = dom->first;
	pci_domain_unlock(dom);
	says("0000:00:05.0: the list of quarantine is torn");
	pci_domain_lock(dom);
	dom->last->domain_next = NULL;
	pci_domain_unlock(dom);
}

/* ---- relatives ---- */

static void virtual_functions(void **state)
{
	struct pci_dev *vf, *physical = device(PF);

	ok(pci_op_begin(physical, PCI_OP_VFS, NULL, NULL));
	vf = pci_dev_create_vf(at(PCI_BDF(0, 7, 1)), physical);
	assert_non_null(vf);
	oracle_is_content(); /* NEW, and not on the list yet */
	ok(pci_vf_publish(vf));
	pci_op_cancel(physical);
	oracle_is_content();
	pci_dev_lock(physical);
	physical->vf_count = 2;
	pci_dev_unlock(physical);
	says("0000:00:07.0: 1 virtual functions on its list, its count is 2");
	pci_dev_lock(physical);
	physical->vf_count = 0;
	physical->vf_first = NULL;
	pci_dev_unlock(physical);
	says("0000:00:07.0: 0 LIVE virtual functions on its list, 1 in the table");
	pci_dev_lock(physical);
	physical->vf_count = 1;
	physical->vf_first = vf;
	pci_dev_unlock(physical);
	kind_add(PF, PCI_REF_PF, 1);
	says("0000:00:07.0: 2 pf references, 1 virtual functions");
	kind_add(PF, PCI_REF_PF, (u32)-1);
	oracle_is_content();
}

static void children(void **state)
{
	struct pci_dev *bridge = device(PORT);

	pci_dev_lock(bridge);
	bridge->children = 0;
	pci_dev_unlock(bridge);
	says("0000:00:06.0: 1 parent references, 0 devices behind it");
	kind_add(PORT, PCI_REF_PARENT, (u32)-1);
	says("0000:00:06.0: 1 devices behind it, its count is 0");
	kind_add(PORT, PCI_REF_PARENT, 2);
	pci_dev_lock(bridge);
	bridge->children = 2;
	pci_dev_unlock(bridge);
	says("0000:00:06.0: 1 devices behind it, its count is 2");
	kind_add(PORT, PCI_REF_PARENT, (u32)-1);
	pci_dev_lock(bridge);
	bridge->children = 1;
	pci_dev_unlock(bridge);
	oracle_is_content();
}

/* ---- messages ---- */

static void messages(void **state)
{
	struct pci_dev *dev = device(NIC);
	struct pci_msi *first;

	vpci_write(at(NIC), 0x54, 4, 0xfee00000);
	vpci_write(at(NIC), 0x5c, 2, 0x40);
	vpci_write(at(NIC), 0x52, 2, 0x0021);
	oracle_is_content();
	atomic_fetch_add(&dev->msi_count, 1);
	says("0000:00:02.0: 4 msi references, 5 message descriptors");
	atomic_fetch_sub(&dev->msi_count, 1);
	pci_vpci_lock(dev);
	first = dev->msi_first;
	dev->msi_first = first->next;
	pci_vpci_unlock(dev);
	says("0000:00:02.0: 3 message descriptors on its list, its count is 4");
	pci_vpci_lock(dev);
	dev->msi_first = first;
	pci_vpci_unlock(dev);
	oracle_is_content();
}

static void ats(void **state)
{
	kind_add(NIC, PCI_REF_ATS, 1);
	device(NIC)->ats_on = true;
	oracle_is_content();
	kind_add(NIC, PCI_REF_ATS, (u32)-1);
	says("0000:00:02.0: 0 ats references, 1 places on a unit's ATS list");
	device(NIC)->ats_on = false;
}

/* ---- who sees it ---- */

static void seen_by_the_guest(void **state)
{
	ok(vpci_attach(device(PF)));
	says("0000:00:07.0: owned by quarantine, and the guest sees it");
	ok(vpci_withdraw_start(device(PF)));
	ok(vpci_detach(device(PF)));
	ok(vpci_withdraw_start(device(NIC)));
	ok(vpci_detach(device(NIC)));
	says("0000:00:02.0: owned by guest, and the guest does not see it");
	ok(vpci_attach(device(NIC)));
	oracle_is_content();
}

/* A device on its way is not judged by where it is. */
static void claimed(void **state)
{
	ok(pci_op_begin(device(PF), PCI_OP_ASSIGN, NULL, NULL));
	ok(iommu_attach(device(PF), &vm.dma));
	oracle_is_content();
	ok(vpci_attach(device(PF)));
	oracle_is_content();
	pci_op_cancel(device(PF));
	says("0000:00:07.0: owned by quarantine, and the guest sees it");
	ok(pci_dev_set_owner(device(PF), PCI_OWNER_GUEST));
	oracle_is_content();
}

/* ---- DMA ---- */

static void dma_of_the_guests(void **state)
{
	struct iommu_domain *domain = atomic_exchange(&fi.entry[NIC], NULL);
	struct iommu_domain other = *domain;

	says("0000:00:02.0: the guest's, and its DMA reaches only part of the guest's");
	other.id = 9;
	atomic_store(&fi.entry[NIC], &other);
	says("0000:00:02.0: the guest's, and its DMA reaches only part of the guest's");
	atomic_store(&fi.entry[NIC], domain);
	oracle_is_content();
	ok(iommu_block(device(NIC)));
	atomic_store(&device(NIC)->flags, 0);
	says("0000:00:02.0: the guest's, and its DMA reaches nothing");
	ok(iommu_attach(device(NIC), &vm.dma));
	oracle_is_content();
}

static void dma_from_quarantine(void **state)
{
	atomic_store(&fi.entry[PF], &vm.dma);
	says("0000:00:07.0: owned by quarantine, and its DMA reaches memory");
	atomic_fetch_or(&device(PF)->flags, PCI_FLAG_BROKEN); /* is known to be half-way */
	oracle_is_content();
	atomic_fetch_or(&device(PF)->flags, PCI_FLAG_QUARANTINED);
	says("0000:00:07.0: flagged as blocked, and its DMA reaches memory");
	atomic_store(&fi.entry[PF], NULL);
	atomic_store(&device(PF)->flags, 0);
	oracle_is_content();
}

/* An attachment that belongs to nobody whom the table knows. */
static void attached_and_forgotten(void **state)
{
	struct pci_dev ghost = { .sbdf = at(PCI_BDF(0, 30, 0)),
				 .requester_id = { PCI_BDF(0, 30, 0) },
				 .requester_ids = 1 };

	ok(iommu_attach(&ghost, &vm.dma));
	says("7 requester IDs are attached, the guest's devices have 6");
	ok(iommu_block(&ghost));
	oracle_is_content();
}

/* ---- the guest's map ---- */

static void bar_not_mapped(void **state)
{
	ok(vm_unmap_mmio(&vm, NIC_BAR + 0x1000, PAGE_SIZE));
	says("0000:00:02.0: BAR 0 is mapped at 0xfeb81000, the table says otherwise");
	ok(vm_map_mmio(&vm, NIC_BAR + 0x1000, NIC_BAR + 0x2000, PAGE_SIZE, PT_READ));
	says("0000:00:02.0: BAR 0 is mapped at 0xfeb81000, the table says otherwise");
	ok(vm_unmap_mmio(&vm, NIC_BAR + 0x1000, PAGE_SIZE));
	ok(vm_map_mmio(&vm, NIC_BAR + 0x1000, NIC_BAR + 0x1000, PAGE_SIZE, PT_READ));
	oracle_is_content();
}

/* Another device's BAR has the place: this one waits, and must not be there. */
static void bar_that_waits(void **state)
{
	vpci_write(at(NIC), 0x10, 4, 0xfe800000); /* onto BEHIND's */
	oracle_is_content();
	vpci_write(at(NIC), 0x10, 4, NIC_BAR);
	oracle_is_content();
}

static void bar_elsewhere(void **state)
{
	struct pci_dev *dev = device(NIC);

	pci_vpci_lock(dev);
	dev->vpci->bar[0].guest = 0xfd000000;
	pci_vpci_unlock(dev);
	says("0000:00:02.0: BAR 0 stands at 0xfeb80000, where the guest does not want it");
	pci_vpci_lock(dev);
	dev->vpci->unsettled = true; /* is going to be changed */
	pci_vpci_unlock(dev);
	oracle_is_content();
	pci_vpci_lock(dev);
	dev->vpci->bar[0].guest = NIC_BAR;
	dev->vpci->unsettled = false;
	pci_vpci_unlock(dev);
	oracle_is_content();
}

static void stands_and_is_not_counted(void **state)
{
	struct vpci_range range = {
		.at = 0xfc000000, .host = 0xfc000000, .size = PAGE_SIZE, .prot = PT_READ
	};
	bool shoot_down;

	ok(vpci_map_enter(&range));
	says("the map of BARs has 6 users, 5 BARs stand somewhere");
	ok(vpci_map_leave(&range, &shoot_down));
	vpci_map_left(&range);
	oracle_is_content();
}

/* Registers of a device that is not the guest's, wherever in the guest's map. */
static void reached_in_quarantine(void **state)
{
	ok(vm_map_mmio(&vm, 0xfea20000, 0xfea20000, PAGE_SIZE, PT_READ));
	says("0000:00:07.0: owned by quarantine, and the guest reaches its BAR 0 at 0xfea20000");
	ok(vm_unmap_mmio(&vm, 0xfea20000, PAGE_SIZE));
	oracle_is_content();
	ok(vm_map_mmio(&vm, 0x7000000000, 0xfea20000, PAGE_SIZE, PT_READ));
	says("0000:00:07.0: owned by quarantine, and the guest reaches its BAR 0 at 0x7000000000");
	ok(vm_unmap_mmio(&vm, 0x7000000000, PAGE_SIZE));
	ok(vm_map_mmio(&vm, 0x40000000, 0xfea00000, SIZE_2M, PT_READ)); /* in the middle of a large page */
	says("0000:00:05.0: owned by quarantine, and the guest reaches its BAR 0 at 0x40000000");
	ok(vm_unmap_mmio(&vm, 0x40000000, SIZE_2M));
	oracle_is_content();
}

/* The page of messages: the guest's devices write there, its CPUs do not. */
static void doorbell(void **state)
{
	const u64 page = 0x8090000;

	oracle_is_content(); /* there is none */
	iommu_set_doorbell(page);
	says("the guest's devices do not reach their doorbell at 0x8090000");
	ok(iommu_map(&vm.dma, page, page, PAGE_SIZE, PT_READ));
	says("the guest's devices do not reach their doorbell at 0x8090000");
	ok(iommu_unmap(&vm.dma, page, PAGE_SIZE));
	ok(iommu_map(&vm.dma, page, DMA_PAGE, PAGE_SIZE, PT_WRITE));
	says("the guest's devices do not reach their doorbell at 0x8090000");
	ok(iommu_unmap(&vm.dma, page, PAGE_SIZE));
	ok(iommu_map(&vm.dma, page, page, PAGE_SIZE, PT_WRITE));
	oracle_is_content();
	ok(vm_map_mmio(&vm, 0x9000000000, page, PAGE_SIZE, PT_READ | PT_WRITE));
	says("the guest reaches the devices' doorbell at 0x9000000000");
	ok(vm_unmap_mmio(&vm, 0x9000000000, PAGE_SIZE));
	oracle_is_content();
	vm.dma_on = false; /* then messages go past all tables */
	ok(iommu_unmap(&vm.dma, page, PAGE_SIZE));
	oracle_is_content();
	vm.dma_on = true;
	iommu_set_doorbell(0);
	oracle_is_content();
}

static void fairleads_memory(void **state)
{
	ok(vm_map_mmio(&vm, 0x9000000000, OURS + 0x3ff000, PAGE_SIZE, PT_READ)); /* the last page */
	says("memory of Fairlead's is mapped for the guest's CPUs at 0x9000000000");
	ok(vm_unmap_mmio(&vm, 0x9000000000, PAGE_SIZE));
	ok(iommu_map(&vm.dma, OURS, OURS, PAGE_SIZE, PT_READ | PT_WRITE));
	says("memory of Fairlead's is mapped for the guest's devices at 0x2000000");
	ok(iommu_unmap(&vm.dma, OURS, PAGE_SIZE));
	ok(iommu_map(&vm.dma, OURS + 0x400000, OURS + 0x400000, PAGE_SIZE, PT_READ)); /* next to it */
	oracle_is_content();
}

/* ---- after operations ---- */

/* It stops the machine, and says why. */
static void runs_after_operations(void **state)
{
	struct pci_reason why;
	u32 ticket;

	oracle_after_operations(false);
	atomic_fetch_add(&device(PF)->refs.n, 1);
	assert_int_equal(manage_deassign(at(NIC), &ticket, &why), -EINPROGRESS);
	settle();
	assert_false(logged("oracle: "));
	oracle_after_operations(true);
	panic_expected = true;
	assert_int_equal(manage_assign(at(NIC), &ticket, &why), -EINPROGRESS);
	if (!setjmp(panic_return))
		settle();
	assert_string_equal(panic_text, "oracle: after assign: 0000:00:07.0: kinds add up to 2, count is 3");
	assert_true(logged("oracle: after assign: 0000:00:07.0: kinds add up to 2, count is 3"));
	atomic_fetch_sub(&device(PF)->refs.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(count_without_a_kind),
		T(base_and_owner),
		T(each_kind_stands_for_something),
		T(held),
		T(slot_of_another),
		T(state_unknown),
		T(dying_and_held),
		T(flags),
		T(owner_of_another_list),
		T(on_no_list),
		T(list_in_a_circle),
		T(virtual_functions),
		T(children),
		T(messages),
		T(ats),
		T(seen_by_the_guest),
		T(claimed),
		T(dma_of_the_guests),
		T(dma_from_quarantine),
		T(attached_and_forgotten),
		T(bar_not_mapped),
		T(bar_that_waits),
		T(bar_elsewhere),
		T(stands_and_is_not_counted),
		T(reached_in_quarantine),
		T(doorbell),
		T(fairleads_memory),
		T(runs_after_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
